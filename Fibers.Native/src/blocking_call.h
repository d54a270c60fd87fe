// What every redirected call on a descriptor shares: try, and if it would block, park until it might not.
#ifndef FIBERS_BLOCKING_CALL_H
#define FIBERS_BLOCKING_CALL_H

#include "redirect.h"

// One blocking call of a fiber, across as many parks as it takes.
struct blocking_call {
    fibers_vthread *self;
    int descriptor;
    short events; // POLLIN or POLLOUT
    uint32_t reason;
    uint32_t generation;
    int64_t deadline_ns; // of the whole call; 0: not yet asked
    bool pretended;      // the last EAGAIN was a lie (FIBERS_FAULT_WOULD_BLOCK)
};

typedef enum outcome {
    RETRY,
    FAIL,        // errno is set
    PASS_THROUGH // the descriptor cannot be waited for: make the plain call, and block if it must
} outcome;

// False: the caller is no fiber (or may not park): pass straight through.
bool blocking_call_begin(struct blocking_call *call, int descriptor, short events, uint32_t reason);
// May switch.
outcome blocking_call_wait(struct blocking_call *call);
// Whether the next call would block, without making it. For what knows no "do not block" of its own: another
// reader may be faster; then the plain call blocks its kernel thread, and the watchdog sees to the rest.
bool ready_now(int descriptor, short events);

static inline bool would_block(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

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

// Fault injection: reads and writes may be short.
static inline size_t limited(size_t size)
{
    return UNLIKELY(size > 1 && fibers_fault(FIBERS_FAULT_SHORT)) ? 1 : size;
}

#endif
