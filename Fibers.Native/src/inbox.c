// The inbox: fibers that native code has woken, for carriers to take.
//
// What        many producers push, any carrier takes everything at once (a Treiber stack without pop, so
//             there is no ABA problem: nobody ever compares against an inner node).
// Invariant   a virtual thread is in at most one inbox at most once: only the winner of its park number
//             pushes it, and it cannot park again before it was taken out and run.
// Who         push: any thread, also from a signal handler. Take: carriers (C#, Inbox.cs) and the rescue
//             carrier.
// Ordering    push is a release compare-exchange, take an acquire exchange: the taker sees all the waker did.
//             Sleepers (Dekker): a carrier raises `sleepers`, fences, looks at `head` once more, then sleeps;
//             a producer pushes, fences, then looks at `sleepers`. One of the two sees the other.
#include "internal.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

// Inboxes are never freed, only reused, with their descriptor and their carriers: a waker that has published its
// fiber still looks at `sleepers`, when that fiber may have run, ended, and taken its scheduler with it.
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static fibers_inbox *spare_inboxes[64];
static int spare_count;

fibers_inbox *fibers_inbox_create(void)
{
    fibers_inbox *inbox = NULL;
    pthread_mutex_lock(&spare_lock);
    if (spare_count > 0)
        inbox = spare_inboxes[--spare_count];
    pthread_mutex_unlock(&spare_lock);
    if (inbox != NULL)
        return inbox;
    inbox = aligned_alloc(64, (sizeof *inbox + 63) & ~(size_t)63);
    if (inbox == NULL)
        return NULL;
    memset(inbox, 0, sizeof *inbox);
    inbox->event_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->event_descriptor < 0) {
        int error = errno;
        free(inbox);
        errno = error;
        return NULL;
    }
    return inbox;
}

void fibers_inbox_destroy(fibers_inbox *inbox)
{
    fibers_inbox_acknowledge(inbox);
    atomic_store(&inbox->pushes, 0);
    atomic_store(&inbox->rescued, 0);
    pthread_mutex_lock(&spare_lock);
    if (spare_count < (int)(sizeof spare_inboxes / sizeof spare_inboxes[0]))
        spare_inboxes[spare_count++] = inbox; // beyond that: left alone for good, which costs a descriptor
    pthread_mutex_unlock(&spare_lock);
}

void fibers_inbox_push(fibers_inbox *inbox, fibers_vthread *vthread)
{
    fibers_vthread *head = atomic_load_explicit(&inbox->head, memory_order_relaxed);
    do
        vthread->inbox_next = head;
    while (!atomic_compare_exchange_weak_explicit(&inbox->head, &head, vthread, memory_order_release, memory_order_relaxed));
    atomic_fetch_add_explicit(&inbox->pushes, 1, memory_order_relaxed);
    full_fence();
    if (atomic_load_explicit(&inbox->sleepers, memory_order_relaxed) != 0)
        fibers_inbox_kick(inbox);
}

void fibers_inbox_kick(fibers_inbox *inbox)
{
    if (atomic_exchange(&inbox->kicked, 1) != 0)
        return; // a wake-up is already on its way
    uint64_t one = 1;
    int error = errno;
    while (write(inbox->event_descriptor, &one, sizeof one) < 0 && errno == EINTR) {
    }
    errno = error;
}

void fibers_inbox_acknowledge(fibers_inbox *inbox)
{
    uint64_t count;
    while (read(inbox->event_descriptor, &count, sizeof count) < 0 && errno == EINTR) {
    }
    atomic_exchange(&inbox->kicked, 0);
}

int fibers_epoll_create(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : epoll;
}

// Registered means: edge-triggered, once, until the descriptor is closed. Registering a number that the
// kernel still knows (it was closed behind our back, or duplicated) renews it.
int fibers_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data)
{
    if (fibers_fault(FIBERS_FAULT_EPOLL_CTL))
        return -ENOSPC;
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0)
        return 0;
    if (errno == EEXIST && epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0)
        return 0;
    return -errno;
}

int fibers_epoll_wait(int epoll, void *events, int capacity, int64_t timeout_ns)
{
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    if (timeout_ns != 0)
        fibers_idle_begin();
    int count = (int)syscall(SYS_epoll_pwait2, epoll, events, capacity, timeout_ns < 0 ? NULL : &timeout, NULL, 0);
    if (count < 0 && errno == ENOSYS) { // before Linux 5.11; rounded up, and early only where it does not fit: the caller looks again
        int64_t milliseconds = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
        count = epoll_wait(epoll, events, capacity, timeout_ns < 0 ? -1 : milliseconds > INT_MAX ? INT_MAX : (int)milliseconds);
    }
    int error = errno;
    if (timeout_ns != 0)
        fibers_idle_end();
    return count < 0 ? -error : count;
}

int fibers_close(int descriptor)
{
    return close(descriptor) == 0 ? 0 : -errno;
}
