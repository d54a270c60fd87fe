// poll, ppoll, select and epoll_wait: look without waiting, else park on every descriptor at once.
#include "descriptor_memory.h"
#include "redirect.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>

#define POLL_ON_STACK 16

static int park_on_all(fibers_vthread *self, const fibers_poll_entry *wanted, uint32_t count, int64_t deadline, fibers_wake *wake)
{
    if (UNLIKELY(cancel_deliver(self))) {
        errno = ECANCELED;
        return -1;
    }
    self->request.reason = FIBERS_REASON_POLL;
    self->request.descriptor = (int32_t)count;
    self->request.poll_entries = (void *)wanted;
    self->request.deadline_ns = deadline;
    self->request.park_number = park_begin(self);
    *wake = park_leave(self, FIBERS_REQUEST_POLL);
    if (*wake == FIBERS_WAKE_CANCELED && cancel_deliver(self)) {
        errno = ECANCELED;
        return -1;
    }
    return 0;
}

static int milliseconds_left(int64_t deadline)
{
    if (deadline == FIBERS_NO_DEADLINE)
        return -1;
    int64_t left = (deadline - now_ns() + 999999) / 1000000;
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void *allocate(size_t size)
{
    return UNLIKELY(fibers_fault(FIBERS_FAULT_MEMORY)) ? NULL : malloc(size);
}

// Errors and the end are reported to everybody, together with what else there is: whoever asks for something rare looks again at each edge.
static uint32_t wakes_for(short events)
{
    return events == 0 || (events & ~(POLLIN | POLLOUT)) ? POLLIN | POLLPRI | POLLOUT : (uint32_t)events;
}

static int poll_until(fibers_vthread *self, struct pollfd *entries, nfds_t count, int64_t deadline)
{
    fibers_poll_entry few[POLL_ON_STACK], *wanted = few;
    if (count > POLL_ON_STACK && (wanted = allocate(count * sizeof *wanted)) == NULL)
        return poll(entries, count, milliseconds_left(deadline));
    int result;
    for (;;) {
        uint32_t used = 0;
        for (nfds_t i = 0; i < count; i++)
            if (entries[i].fd >= 0)
                wanted[used++] = (fibers_poll_entry){entries[i].fd, wakes_for(entries[i].events), fibers_descriptor_generation(entries[i].fd), descriptor_edges(entries[i].fd)};
        result = poll(entries, count, 0);
        if (result != 0)
            break;
        fibers_wake wake;
        result = park_on_all(self, wanted, used, deadline, &wake);
        if (result < 0)
            break;
        if (wake == FIBERS_WAKE_TIMEOUT) {
            result = poll(entries, count, 0);
            break;
        }
        if (wake == FIBERS_WAKE_FAILED) { // something in the set cannot be registered: wait for it here
            result = poll(entries, count, milliseconds_left(deadline));
            break;
        }
    }
    int error = errno;
    if (wanted != few)
        free(wanted);
    errno = error;
    return result;
}

int redirected_poll(struct pollfd *entries, nfds_t count, int timeout_ms)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || timeout_ms == 0)
        return poll(entries, count, timeout_ms);
    return poll_until(self, entries, count, timeout_ms < 0 ? FIBERS_NO_DEADLINE : now_ns() + (int64_t)timeout_ms * 1000000);
}

int redirected_ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    fibers_vthread *self = fiber_that_may_park();
    // A mask is for this kernel thread: it must stay on it.
    if (self == NULL || mask != NULL || (timeout != NULL && !is_duration(timeout)))
        return ppoll(entries, count, timeout, mask);
    return poll_until(self, entries, count, timeout == NULL ? FIBERS_NO_DEADLINE : deadline_after(as_nanoseconds(timeout->tv_sec, timeout->tv_nsec)));
}

int redirected_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout_ms)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || timeout_ms == 0)
        return epoll_wait(epoll, events, capacity, timeout_ms);
    int64_t deadline = timeout_ms < 0 ? FIBERS_NO_DEADLINE : now_ns() + (int64_t)timeout_ms * 1000000;
    for (;;) {
        int count = epoll_wait(epoll, events, capacity, 0);
        if (count != 0)
            return count;
        struct pollfd entry = {epoll, POLLIN, 0}; // an epoll descriptor is readable when it has events
        int ready = poll_until(self, &entry, 1, deadline);
        if (ready <= 0)
            return ready;
    }
}

// What select says of it: POLLIN for the first set, POLLOUT for the second, POLLPRI for the third.
static int bits_of(const struct pollfd *entry)
{
    if (entry->fd < 0)
        return 0;
    int reading = entry->revents & (POLLIN | POLLHUP | POLLERR) ? POLLIN : 0;
    int writing = entry->revents & (POLLOUT | POLLERR) ? POLLOUT : 0;
    return entry->events & (reading | writing | (entry->revents & POLLPRI));
}

static bool never_waits(const struct timeval *timeout)
{
    return timeout != NULL && (timeout->tv_sec < 0 || timeout->tv_usec < 0 || (timeout->tv_sec == 0 && timeout->tv_usec == 0)); // wrong, or zero
}

// Linux says what is left.
static void subtract(struct timeval *timeout, int64_t elapsed_ns)
{
    int64_t seconds = timeout->tv_sec - elapsed_ns / 1000000000, microseconds = timeout->tv_usec - elapsed_ns % 1000000000 / 1000;
    if (microseconds < 0) {
        microseconds += 1000000;
        seconds--;
    }
    *timeout = seconds < 0 ? (struct timeval){0, 0} : (struct timeval){seconds, microseconds};
}

// The sets become poll entries, and back.
int redirected_select(int limit, fd_set *reading, fd_set *writing, fd_set *exceptional, struct timeval *timeout)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || limit < 0 || limit > FD_SETSIZE || never_waits(timeout))
        return select(limit, reading, writing, exceptional, timeout);
    struct pollfd *entries = allocate((size_t)(limit > 0 ? limit : 1) * sizeof *entries);
    if (entries == NULL)
        return select(limit, reading, writing, exceptional, timeout);
    nfds_t count = 0;
    for (int descriptor = 0; descriptor < limit; descriptor++) {
        short events = (short)((reading != NULL && FD_ISSET(descriptor, reading) ? POLLIN : 0) | (writing != NULL && FD_ISSET(descriptor, writing) ? POLLOUT : 0) |
                               (exceptional != NULL && FD_ISSET(descriptor, exceptional) ? POLLPRI : 0));
        if (events != 0)
            entries[count++] = (struct pollfd){descriptor, events, 0};
    }
    int64_t start = now_ns(), deadline = FIBERS_NO_DEADLINE;
    if (timeout != NULL) {
        if (timeout->tv_usec >= 1000000 && timeout->tv_sec < INT64_MAX - timeout->tv_usec / 1000000) // there may be seconds among them
            *timeout = (struct timeval){timeout->tv_sec + timeout->tv_usec / 1000000, timeout->tv_usec % 1000000};
        deadline = deadline_after(as_nanoseconds(timeout->tv_sec, (int64_t)timeout->tv_usec % 1000000 * 1000));
    }
    int ready, bits = 0, error = 0;
    do {
        ready = poll_until(self, entries, count, deadline);
        error = errno;
        for (nfds_t i = 0; ready > 0 && i < count; i++) {
            struct pollfd *entry = &entries[i];
            if (entry->revents & POLLNVAL) {
                ready = -1;
                error = EBADF;
            } else if (bits_of(entry) != 0) {
                bits += __builtin_popcount((unsigned int)bits_of(entry));
            } else if (entry->revents != 0) {
                entry->fd = -1; // ended, which select does not tell who asks for the exceptional: it would go on waiting
            }
        }
    } while (ready > 0 && bits == 0);
    if (ready < 0)
        bits = -1;
    if (bits >= 0) {
        if (reading != NULL)
            FD_ZERO(reading);
        if (writing != NULL)
            FD_ZERO(writing);
        if (exceptional != NULL)
            FD_ZERO(exceptional);
        for (nfds_t i = 0; bits > 0 && i < count; i++) {
            if (bits_of(&entries[i]) & POLLIN)
                FD_SET(entries[i].fd, reading);
            if (bits_of(&entries[i]) & POLLOUT)
                FD_SET(entries[i].fd, writing);
            if (bits_of(&entries[i]) & POLLPRI)
                FD_SET(entries[i].fd, exceptional);
        }
        if (timeout != NULL)
            subtract(timeout, now_ns() - start);
    }
    free(entries);
    errno = error;
    return bits;
}
