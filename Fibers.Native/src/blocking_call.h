// What every redirected call on a descriptor shares: try, and if it would block, park until it might not.
#ifndef FIBERS_BLOCKING_CALL_H
#define FIBERS_BLOCKING_CALL_H

#include "redirect.h"

struct blocking_call;

// One try of the plain call, for what is not done yet: what it returns, errno set. Unless `wait`, it must not block, and fails with EAGAIN
// where it would.
typedef ssize_t attempt(struct blocking_call *call, bool wait);

// One blocking call of a fiber, across as many parks as it takes. Part of a struct that holds the call's other arguments.
struct blocking_call {
    fibers_vthread *self;
    attempt *attempt;
    int descriptor;
    short events; // POLLIN or POLLOUT
    bool pretended;  // the last EAGAIN was a lie (FIBERS_FAULT_WOULD_BLOCK)
    bool until_done; // a plain call would stay until all of `size` is done
    int in_vain;     // tries since one did anything
    uint32_t reason;
    uint32_t generation;
    uint32_t edges; // reported before the last attempt
    bool reads;     // takes what is there, in order, and nothing but data
    size_t size, done;
    size_t asked; // by the last attempt, of those that read
    int64_t deadline_ns; // of the whole call; 0: not yet asked
};

// False: the caller is no fiber (or may not park): pass straight through.
bool blocking_call_begin(struct blocking_call *call, attempt *attempt, int descriptor, short events, uint32_t reason);
// May switch. What the plain call would return, errno set.
ssize_t blocking_call_run(struct blocking_call *call);
// Whether the next call would block, without making it. For what knows no "do not block" of its own: another
// reader may be faster; then the plain call blocks its kernel thread, and the watchdog sees to the rest.
bool ready_now(int descriptor, short events);

// Fault injection: true, errno set, when the call is not to be made this time.
static inline bool refused(struct blocking_call *call)
{
    if (UNLIKELY(fibers_fault(FIBERS_FAULT_WOULD_BLOCK))) {
        call->pretended = true;
        errno = EAGAIN;
        return true;
    }
    if (UNLIKELY(fibers_fault(FIBERS_FAULT_INTERRUPTED))) {
        errno = EINTR;
        return true;
    }
    return false;
}

// What is left to do. Fault injection: reads and writes may be short.
static inline size_t remaining(const struct blocking_call *call)
{
    size_t size = call->size - call->done;
    return UNLIKELY(size > 1 && fibers_fault(FIBERS_FAULT_SHORT)) ? 1 : size;
}

#endif
