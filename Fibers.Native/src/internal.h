// Shared by the files of the shim; nothing here is visible outside it.
#ifndef FIBERS_INTERNAL_H
#define FIBERS_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "fibers.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
// Initial-exec: read in signal handlers, so the address must not need an allocation.
#define INITIAL_EXEC __attribute__((tls_model("initial-exec")))

// Both live in the thread-local storage that the switch swaps: a fiber sees its own fibers_self and no
// carrier, a carrier sees itself and no fiber.
extern _Thread_local fibers_vthread *fibers_self INITIAL_EXEC;
extern _Thread_local fibers_carrier *fibers_self_carrier INITIAL_EXEC;

// ---- asm/switch_*.S ----
#if defined(__x86_64__)
void fibers_switch_fsgsbase(fibers_context *from, fibers_context *to);
void fibers_switch_syscall(fibers_context *from, fibers_context *to);
void fibers_switch_peer_fsgsbase(fibers_context *from, fibers_context *to);
extern void (*fibers_switch)(fibers_context *from, fibers_context *to); // thread_pointer.c
extern void (*fibers_switch_peer)(fibers_context *from, fibers_context *to); // the same, faster between two that left from one place
#else
void fibers_switch(fibers_context *from, fibers_context *to);
#define fibers_switch_peer fibers_switch // it ends with a `ret`
#endif
void fibers_first_return(void);
void fibers_detach(fibers_context *self, _Atomic uint32_t *state, uint32_t value);
long fibers_revive(fibers_context *self, _Atomic uint32_t *gone, uint64_t flags);

// ---- thread_pointer.c ----
extern uint32_t fibers_feature_bits;
int fibers_thread_pointer_start(char *reason, size_t size);
void *fibers_thread_pointer(void);

// ---- thread_block.c ----
int fibers_thread_block_start(char *reason, size_t size);
void fibers_thread_block_set_tid(pthread_t thread, int32_t tid);
int fibers_thread_block_leave_rseq(void);

// ---- stack_slab.c ----
void fibers_stacks_start(void);
void *fibers_stack_take(fibers_stacks *stacks);
void fibers_stack_give(fibers_stacks *stacks, void *low);
size_t fibers_stack_size(const fibers_stacks *stacks);
size_t fibers_page_size(void);

// ---- vthread_create.c ----
typedef struct vthread_block { // the public part plus what only C needs
    fibers_vthread public;
    fibers_stacks *stacks;
    void *slot;
    pthread_t thread;
    void (*entry)(fibers_vthread *);
    _Atomic uint32_t boot_state;  // 1 once detached; futex
    _Atomic uint32_t kernel_exit; // cleared by the kernel when a kernel thread of ours has gone
    struct vthread_block *free_next;
    struct vthread_block *all_next; // never changes
    // condition wait, protected by the bucket's lock (redirect_waits.c)
    const void *wait_key;
    uint64_t wait_number;
    struct vthread_block *wait_next;
    struct vthread_block *wait_previous;
    int64_t wait_deadline_ns;
} vthread_block;
void fibers_detach_context(fibers_vthread *self);
fibers_vthread *fibers_vthread_of(pthread_t thread);
fibers_carrier *fibers_carrier_of(pthread_t thread);
void fibers_vthread_start(void);

// ---- redirect_signals.c ----
int fibers_signals_start(char *reason, size_t size);
void fibers_signal_repay(_Atomic uint32_t *owed);

// ---- redirect_waits.c ----
fibers_vthread *fibers_waits_expired(fibers_inbox *inbox, int64_t now);
bool fibers_waits_overdue(fibers_inbox *inbox, int64_t now);
void fibers_waits_in_child(void);

// ---- redirect_descriptors.c ----
void fibers_descriptors_start(void);
uint32_t fibers_descriptor_generation(int descriptor);
bool fibers_descriptor_closing(uint32_t generation);
bool fibers_descriptors_of_parent(void); // this is a child of the process that the table tells of
fibers_descriptor *fibers_descriptor_entry(int descriptor); // NULL: out of range

// ---- import_patch.c ----
typedef struct imports {
    size_t count;
    const char *names; // one behind the other, each with its end
    void *const *replacements;
    const uint8_t *modules; // MODULES_*
} imports;
#define MAX_IMPORTS 100
#define MODULES_RUNTIME 1u // the .NET runtime itself
#define MODULES_SYSTEM 2u  // libSystem.Native
#define MODULES_OTHER 4u   // everything else but the C library, the loader and this shim
#define MODULES_QUIET 8u   // of those, what shall not park (library_choice.c)
#define MODULES_ALL (MODULES_RUNTIME | MODULES_SYSTEM | MODULES_OTHER | MODULES_QUIET)
int fibers_import_patch(const imports *table, bool only_new);
void fibers_imports_in_child(void);

// ---- redirect_fork.c ----
void fibers_fork_start(void);

// ---- library_choice.c ----
bool fibers_library_parks(const char *file);

// ---- call_origin.c ----
extern bool fibers_runtime_is_program;
// At start: where the code of the shim lies, or that of a program that contains the runtime.
void fibers_call_origin_learn(bool is_program, uintptr_t low, uintptr_t high);
// In a single-file application only. `frame` is one of the shim's.
bool fibers_called_by_runtime(void **frame);

// ---- vthread_run.c ----
void fibers_idle_begin(void);
void fibers_idle_end(void);

// ---- fault.c ----
bool fibers_fault(fibers_fault_point point);

// ---- park protocol -------------------------------------------------------------------------------

// Fiber only. Begins a park: from here wakers that know the number may claim it.
static inline uint64_t park_begin(fibers_vthread *self)
{
    uint64_t number = FIBERS_PARK_NUMBER(atomic_load_explicit(&self->park_word, memory_order_relaxed)) + 1;
    atomic_store_explicit(&self->park_word, FIBERS_PARK_WORD(number, 0, FIBERS_PARKING), memory_order_release);
    return number;
}

typedef enum park_claim {
    CLAIM_LOST,     // somebody else woke it, or it is a later park
    CLAIM_NOTIFIED, // ours; its carrier makes it runnable when the context is saved
    CLAIM_PARKED,   // ours; WE must make it runnable
} park_claim;

// Any thread. At most one caller wins per number.
static inline park_claim park_try_claim(fibers_vthread *vthread, uint64_t number, fibers_wake wake)
{
    uint64_t word = atomic_load_explicit(&vthread->park_word, memory_order_acquire);
    for (;;) {
        if (FIBERS_PARK_NUMBER(word) != number)
            return CLAIM_LOST;
        fibers_park_state state = FIBERS_PARK_STATE(word);
        if (state != FIBERS_PARKING && state != FIBERS_PARKED)
            return CLAIM_LOST;
        fibers_park_state next = state == FIBERS_PARKING ? FIBERS_NOTIFIED : FIBERS_RUNNABLE;
        if (atomic_compare_exchange_weak_explicit(&vthread->park_word, &word, FIBERS_PARK_WORD(number, wake, next),
                                                  memory_order_acq_rel, memory_order_acquire))
            return state == FIBERS_PARKING ? CLAIM_NOTIFIED : CLAIM_PARKED;
    }
}

// Any thread. Claims and makes runnable. True when this call was the one that woke it.
static inline bool park_wake(fibers_vthread *vthread, uint64_t number, fibers_wake wake)
{
    park_claim claim = park_try_claim(vthread, number, wake);
    if (claim == CLAIM_PARKED)
        fibers_inbox_push(vthread->inbox, vthread);
    return claim != CLAIM_LOST;
}

// Fiber only, when it runs again. Says why it was woken.
static inline fibers_wake park_settle(fibers_vthread *self)
{
    uint64_t word = atomic_load_explicit(&self->park_word, memory_order_acquire);
    atomic_store_explicit(&self->park_word, FIBERS_PARK_WORD(FIBERS_PARK_NUMBER(word), 0, FIBERS_RUNNING),
                          memory_order_relaxed);
    return FIBERS_PARK_WAKE(word);
}

// Fiber only. May switch. Leaves under the number park_begin gave; says why it was woken.
static inline fibers_wake park_leave(fibers_vthread *self, uint32_t kind)
{
    fibers_leave(self, kind);
    return park_settle(self);
}

// Fiber only. An interrupt that no wait of the runtime has met would not reach a wait of native code: it becomes a request
// again, if it is still there.
uint32_t fibers_cancel_recall(fibers_vthread *self);

// Fiber only. True for the one delivery of a pending cancellation.
static inline bool cancel_deliver(fibers_vthread *self)
{
    uint32_t word = atomic_load_explicit(&self->cancel_word, memory_order_acquire);
    if (LIKELY(!(word & (FIBERS_CANCEL_PENDING | FIBERS_CANCEL_INTERRUPTED))) || self->shielded != 0)
        return false;
    if (word & FIBERS_CANCEL_INTERRUPTED)
        word = fibers_cancel_recall(self);
    while (word & FIBERS_CANCEL_PENDING)
        if (atomic_compare_exchange_weak(&self->cancel_word, &word, (word & ~FIBERS_CANCEL_PENDING) | FIBERS_CANCEL_DELIVERED))
            return true;
    return false;
}

// The calling fiber, when it may park here and now as far as it goes: not in a signal handler, not pinned, and standing on
// its own stack (a handler on the alternate stack does not).
static inline fibers_vthread *fiber_on_its_stack(void)
{
    fibers_vthread *self = fibers_self;
    if (LIKELY(self == NULL))
        return NULL;
    char here;
    if (self->handler_depth != 0 || self->pinned != 0 || (void *)&here < self->stack_low || (void *)&here >= self->stack_high)
        return NULL;
    return self;
}

// The calling fiber, when this redirected call may park it: fiber_on_its_stack, not called straight from managed code without the transition (a parked one would
// hold up every collection), and the caller is not the runtime.
static inline fibers_vthread *fiber_that_may_park(void)
{
    fibers_vthread *self = fiber_on_its_stack();
    if (self != NULL && UNLIKELY(self->cooperative != NULL && atomic_load_explicit(self->cooperative, memory_order_relaxed) != 0))
        return NULL;
    if (self != NULL && UNLIKELY(fibers_runtime_is_program) && fibers_called_by_runtime(__builtin_frame_address(0)))
        return NULL;
    return self;
}

static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Of a time that makes sense. A deadline that does not fit is never, as near as makes no difference.
static inline int64_t as_nanoseconds(int64_t seconds, int64_t nanoseconds)
{
    return seconds >= FIBERS_NO_DEADLINE / 1000000000 ? FIBERS_NO_DEADLINE - 1 : seconds * 1000000000 + nanoseconds;
}

static inline int64_t deadline_after(int64_t duration_ns)
{
    int64_t now = now_ns();
    return duration_ns >= FIBERS_NO_DEADLINE - now ? FIBERS_NO_DEADLINE - 1 : now + duration_ns;
}

static inline bool is_duration(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec <= 999999999;
}

// Wakers that must not lose a store behind a load spell it out.
static inline void full_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

#endif
