// One blocking call: the rules of the plain call are kept. O_NONBLOCK answers EAGAIN at once, SO_RCVTIMEO and
// SO_SNDTIMEO after their time, and errors look the same.
#include "blocking_call.h"
#include "descriptor_memory.h"

static void (*recall)(fibers_vthread *self);

void fibers_cancel_recall_by(void (*by)(fibers_vthread *self))
{
    recall = by;
}

uint32_t fibers_cancel_recall(fibers_vthread *self)
{
    recall(self);
    return atomic_load(&self->cancel_word);
}

bool blocking_call_begin(struct blocking_call *call, attempt *attempt, int descriptor, short events, uint32_t reason)
{
    fibers_vthread *self = fiber_that_may_park();
    if (LIKELY(self == NULL))
        return false;
    *call = (struct blocking_call){
        .self = self, .attempt = attempt, .descriptor = descriptor, .events = events, .reason = reason, .generation = fibers_descriptor_generation(descriptor)};
    return true;
}

typedef enum outcome {
    RETRY,
    LAST_TRY,    // the time is over, but what came before it counts
    FAIL,        // errno is set
    PASS_THROUGH // the descriptor cannot be waited for: make the plain call, and block if it must
} outcome;

static int64_t socket_time_out_ns(int descriptor, short events)
{
    struct timeval timeout = {0, 0};
    socklen_t size = sizeof timeout;
    if (getsockopt(descriptor, SOL_SOCKET, events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &timeout, &size) != 0)
        return 0;
    return as_nanoseconds(timeout.tv_sec, (int64_t)timeout.tv_usec * 1000);
}

static void set_deadline(struct blocking_call *call, int64_t time_out_ns)
{
    if (call->deadline_ns == 0)
        call->deadline_ns = time_out_ns == 0 ? FIBERS_NO_DEADLINE : deadline_after(time_out_ns);
}

// The number was closed, or is being closed: RETRY when that came to nothing (dup2 can fail), or when it had begun before the call did and so
// says nothing about the file the call is for.
static outcome after_close(struct blocking_call *call)
{
    uint32_t before = call->generation;
    while (fibers_descriptor_closing(call->generation = fibers_descriptor_generation(call->descriptor)))
        fibers_yield(call->self);
    if (call->generation == before || fibers_descriptor_closing(before))
        return RETRY;
    errno = EBADF;
    return FAIL;
}

static outcome after_wake(struct blocking_call *call, fibers_wake wake)
{
    switch (wake) {
    case FIBERS_WAKE_TIMEOUT: return LAST_TRY;
    case FIBERS_WAKE_CLOSED: return after_close(call);
    case FIBERS_WAKE_CANCELED:
        if (!cancel_deliver(call->self))
            return RETRY; // shielded, or delivered elsewhere meanwhile
        errno = ECANCELED;
        return FAIL;
    case FIBERS_WAKE_FAILED:
        // request.error says why it cannot be registered (EPERM: a regular file; ENOSPC: no room)
        return PASS_THROUGH;
    default: return RETRY;
    }
}

// RETRY: the file blocks, as long as the deadline says.
static outcome find_deadline(struct blocking_call *call)
{
    time_outs limits;
    manners known = descriptor_manners(call->descriptor, call->generation, &limits);
    if (known == MANNERS_TCP) {
        set_deadline(call, (int64_t)(call->events == POLLIN ? limits.receive_us : limits.send_us) * 1000);
        return RETRY;
    }
    uint32_t options = descriptor_options(call->descriptor);
    int never = descriptor_never_waits(call->descriptor);
    if (never != 0) {
        errno = never < 0 ? EBADF : EAGAIN;
        return FAIL;
    }
    if (call->deadline_ns == 0)
        set_deadline(call, socket_time_out_ns(call->descriptor, call->events));
    if (known == MANNERS_UNKNOWN)
        descriptor_learn_manners(call->descriptor, call->generation, options);
    return RETRY;
}

// A datagram socket whose receiver's queue is full says that it can be written to, whatever it answers: asked at once, for ever. So after some tries in vain it is
// asked now and then.
#define TRIES_AT_ONCE 4
#define REST_NS 1000000

static int64_t end_of_rest(const struct blocking_call *call)
{
    int64_t end = now_ns() + REST_NS;
    return end < call->deadline_ns ? end : call->deadline_ns;
}

// May switch.
static outcome wait_until_ready(struct blocking_call *call)
{
    outcome may = find_deadline(call);
    if (may != RETRY)
        return may;
    fibers_vthread *self = call->self;
    if (UNLIKELY(cancel_deliver(self))) {
        errno = ECANCELED;
        return FAIL;
    }
    self->request.reason = call->reason;
    self->request.descriptor = call->descriptor;
    self->request.events = (uint32_t)call->events;
    self->request.generation = call->generation;
    self->request.edges = call->edges;
    // After a lie no edge will come for what is there already: look again as soon as parked.
    bool pretended = call->pretended;
    call->pretended = false;
    bool rests = call->events == POLLOUT && ++call->in_vain > TRIES_AT_ONCE;
    self->request.deadline_ns = pretended ? now_ns() : rests ? end_of_rest(call) : call->deadline_ns;
    self->request.park_number = park_begin(self);
    fibers_wake wake = park_leave(self, rests ? FIBERS_REQUEST_PARK : FIBERS_REQUEST_DESCRIPTOR);
    if (wake == FIBERS_WAKE_TIMEOUT && (pretended || (rests && now_ns() < call->deadline_ns)))
        wake = FIBERS_WAKE_READY;
    outcome next = after_wake(call, wake);
    // Woken for the old file, but closed before we came to run: the number may be another file's by now.
    return next != FAIL && fibers_descriptor_generation(call->descriptor) != call->generation ? after_close(call) : next;
}

// What was done before it failed counts more than that it failed: the next call will say so.
static ssize_t finish(const struct blocking_call *call)
{
    return call->done > 0 ? (ssize_t)call->done : -1;
}

// A datagram socket that was shut down tells its end to those who would wait, and "not now" to those who would not.
static bool is_shut(const struct blocking_call *call)
{
    if (call->events != POLLIN || !descriptor_is_ending(call->descriptor, call->generation))
        return false;
    struct pollfd entry = {call->descriptor, POLLRDHUP, 0};
    return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP)) != 0;
}

ssize_t blocking_call_run(struct blocking_call *call)
{
    outcome next = RETRY;
    if (call->reads && descriptor_is_empty(call->descriptor, call->generation, &call->edges))
        next = wait_until_ready(call);
    while (next != FAIL) {
        call->edges = descriptor_edges(call->descriptor);
        ssize_t count = call->attempt(call, next == PASS_THROUGH);
        if (count >= 0) {
            call->done += (size_t)count;
            call->in_vain = 0;
            if (call->reads && count > 0 && (size_t)count < call->asked)
                descriptor_was_emptied(call->descriptor, call->generation, call->edges); // of a stream, that is
            if (next == PASS_THROUGH || count == 0 || !call->until_done || call->done >= call->size)
                return (ssize_t)call->done;
            continue; // a stream gave or took part of it
        }
        if (next == PASS_THROUGH || next == LAST_TRY || (errno != EAGAIN && errno != EWOULDBLOCK))
            break;
        next = is_shut(call) ? PASS_THROUGH : wait_until_ready(call);
    }
    return finish(call);
}

bool ready_now(int descriptor, short events)
{
    struct pollfd entry = {descriptor, events, 0};
    int count;
    while ((count = poll(&entry, 1, 0)) < 0 && errno == EINTR) { // a signal says nothing about the file
    }
    return count != 0;
}
