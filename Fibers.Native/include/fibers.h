// fibers.h: the one public header of the shim. Mechanism only; every policy is C#.
//
// Contract-line vocabulary, used above each export:
//   Any thread.            no fiber or carrier needed
//   Carrier only.          the calling kernel thread attached itself with fibers_carrier_attach
//   Fiber only.            runs on a virtual thread
//   May switch.            returns possibly on another carrier; everything else never switches
// No export allocates, takes a lock or calls managed code unless it says so.
#ifndef FIBERS_H
#define FIBERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#error "The shim is C: C++ and _Atomic layouts are not mixed here."
#endif

#define FIBERS_API __attribute__((visibility("default")))

// Bumped whenever a struct or an export below changes; the C# side refuses another number.
#define FIBERS_ABI_VERSION 7

// ---- contexts ------------------------------------------------------------------------------------

// A parked stack is one pointer (see the picture in asm/switch_x64.S) and its thread pointer.
typedef struct fibers_context {
    void *stack_pointer;
    void *thread_pointer;
    _Atomic uint32_t occupied; // 1: it lies in a queue already, but a carrier still stands on its stack. fibers_switch clears it
    uint32_t reserved;
} fibers_context;

// ---- park states ---------------------------------------------------------------------------------
//
// One word per virtual thread says where it is; whoever compare-exchanges the number away owns the
// wake-up. The same table in C#: Fibers.Core/Parking/ParkState.cs.
//
//   from      to        who            why
//   RUNNING   PARKING   the fiber      it is about to leave, under a new park number
//   PARKING   PARKED    its carrier    the context is saved and the request performed
//   PARKING   NOTIFIED  a waker        woken before the carrier got there
//   PARKED    RUNNABLE  a waker        woken; the waker makes it runnable
//   NOTIFIED  RUNNABLE  its carrier    ... sees the notification and makes it runnable
//   NOTIFIED  RUNNABLE  the rescuer    ... unless its carrier is stuck and the rescue carrier was first
//   PARKING   RUNNING   the fiber      it changed its mind before leaving
//   RUNNABLE  RUNNING   the fiber      it runs again and has read why
//   NOTIFIED  RUNNING   the fiber      it changed its mind, and was woken meanwhile
typedef enum fibers_park_state {
    FIBERS_RUNNING = 0,
    FIBERS_PARKING = 1,
    FIBERS_PARKED = 2,
    FIBERS_NOTIFIED = 3,
    FIBERS_RUNNABLE = 4,
} fibers_park_state;

// Why a park ended.
typedef enum fibers_wake {
    FIBERS_WAKE_NONE = 0,
    FIBERS_WAKE_UNPARKED = 1, // somebody called unpark, or signalled the condition
    FIBERS_WAKE_TIMEOUT = 2,
    FIBERS_WAKE_READY = 3,    // the descriptor may be ready: try again
    FIBERS_WAKE_CLOSED = 4,   // the descriptor was closed meanwhile
    FIBERS_WAKE_CANCELED = 5, // the fiber was cancelled
    FIBERS_WAKE_FAILED = 6,   // the descriptor cannot be waited for (request.error says why)
} fibers_wake;

// park_word = number << 8 | wake << 4 | state
#define FIBERS_PARK_WORD(number, wake, state) ((uint64_t)(number) << 8 | (uint64_t)(wake) << 4 | (uint64_t)(state))
#define FIBERS_PARK_NUMBER(word) ((word) >> 8)
#define FIBERS_PARK_WAKE(word) ((fibers_wake)((word) >> 4 & 0xf))
#define FIBERS_PARK_STATE(word) ((fibers_park_state)((word)&0xf))

// ---- requests ------------------------------------------------------------------------------------

// What a fiber that has left wants its carrier to do. Performed by ParkCommit.cs.
typedef enum fibers_request_kind {
    FIBERS_REQUEST_NONE = 0,
    FIBERS_REQUEST_YIELD = 1,    // run me again, after the others
    FIBERS_REQUEST_FINISHED = 2, // my body has returned; the virtual thread is free
    FIBERS_REQUEST_PARK = 3,     // until somebody claims the number, or the deadline
    FIBERS_REQUEST_DESCRIPTOR = 4, // ... or one descriptor is ready
    FIBERS_REQUEST_POLL = 5,     // ... or one of several descriptors is ready
} fibers_request_kind;

#define FIBERS_NO_DEADLINE INT64_MAX

// Why it parked, in people's terms; dumps and traces show it.
typedef enum fibers_reason {
    FIBERS_REASON_NONE = 0,
    FIBERS_REASON_YIELD = 1,
    FIBERS_REASON_SLEEP = 2,
    FIBERS_REASON_JOIN = 3,
    FIBERS_REASON_READ = 4,
    FIBERS_REASON_WRITE = 5,
    FIBERS_REASON_ACCEPT = 6,
    FIBERS_REASON_CONNECT = 7,
    FIBERS_REASON_POLL = 8,
    FIBERS_REASON_RUNTIME_WAIT = 9, // Monitor, WaitHandle, Thread.Sleep, Thread.Join in the .NET runtime
    FIBERS_REASON_CHANNEL = 10,
    FIBERS_REASON_SELECT = 11,
    FIBERS_REASON_PARK = 12,
    FIBERS_REASON_TASK = 13,
    FIBERS_REASON_FILE = 14,
    FIBERS_REASON_NAME = 15,
    FIBERS_REASON_PROCESS = 16,
} fibers_reason;

typedef struct fibers_request {
    uint32_t kind;        // fibers_request_kind
    uint32_t reason;      // fibers_reason
    int32_t descriptor;   // DESCRIPTOR: the fd; POLL: how many entries `poll_entries` has
    uint32_t events;      // DESCRIPTOR: POLLIN, POLLOUT
    uint32_t generation;  // DESCRIPTOR: what the descriptor's generation was before the call was tried
    int32_t error;        // out: errno when the wake is FIBERS_WAKE_FAILED
    int64_t deadline_ns;  // CLOCK_MONOTONIC, or FIBERS_NO_DEADLINE
    uint64_t park_number;
    void *poll_entries;   // POLL: struct fibers_poll_entry[descriptor]
    uint32_t edges;       // DESCRIPTOR: what its count was before the call was tried
    uint32_t reserved;
} fibers_request;

typedef struct fibers_poll_entry {
    int32_t descriptor;
    uint32_t events;
    uint32_t generation;
    uint32_t edges;
} fibers_poll_entry;

// ---- carriers, virtual threads, inbox ---------------------------------------------------------------

struct fibers_vthread;

// Fibers woken by native code, for carriers to take. One per scheduler.
typedef struct fibers_inbox {
    _Atomic(struct fibers_vthread *) head; // newest first; taken as a whole
    _Atomic uint32_t sleepers;             // carriers asleep, or past their last look at `head`
    int32_t event_descriptor;              // eventfd in the poller's epoll set; written to wake it
    _Atomic uint32_t kicked;               // 1: event_descriptor was written and not yet read
    _Atomic uint32_t dozing;               // FIBERS_DOZE_* bits: who sleeps until a carrier has something to do; futex
    _Atomic uint64_t pushes;               // statistics
    _Atomic(struct fibers_carrier *) carriers; // every carrier attached to this scheduler
    _Atomic uint64_t rescued;              // statistics: times the rescue carrier ran a fiber
    void *rescue;                          // rescue.c
} fibers_inbox;

// Cancellation of the fiber on a virtual thread. A redirected call that is parked, or would park, delivers a
// pending one by failing with ECANCELED.
#define FIBERS_CANCEL_PENDING 1u
#define FIBERS_CANCEL_DELIVERED 2u
// It was delivered by interrupting a wait of the runtime, which may have ended by itself just then: the interrupt is still on its way.
#define FIBERS_CANCEL_INTERRUPTED 4u

typedef enum fibers_phase {
    FIBERS_PHASE_SCHEDULER = 0, // in C#, deciding what to do
    FIBERS_PHASE_FIBER = 1,     // lent to a fiber
    FIBERS_PHASE_RETURNED = 2,  // the fiber left; its request is not yet looked at
    FIBERS_PHASE_IDLE = 3,      // asleep, waiting for work
    FIBERS_PHASE_GONE = 4,      // detached; the struct stays for the next carrier
} fibers_phase;

typedef struct fibers_carrier {
    fibers_context context;
    _Atomic uint32_t signal_owed; // see redirect_signals.c
    int32_t kernel_tid;
    _Atomic(struct fibers_vthread *) mounted; // the fiber it runs, or whose request it has yet to perform
    _Atomic uint64_t switches;    // only its own thread writes
    _Atomic uint32_t phase;       // fibers_phase; only its own thread writes
    _Atomic uint32_t contested;   // 1: the rescue carrier may have taken `mounted`; ask fibers_rescue_settle
    uint32_t index;               // the C# carrier; set by C#
    uint32_t rescuer;             // 1: this is the rescue carrier
    fibers_inbox *inbox;
    struct fibers_carrier *next;  // in inbox->carriers; never unlinked
    struct fibers_vthread *leaving; // hands the carrier over to another fiber, which performs its request; only its own thread
} fibers_carrier;

typedef struct fibers_vthread {
    // What every switch touches: one line of the cache.
    fibers_context context;
    _Atomic uint32_t signal_owed;   // see redirect_signals.c
    _Atomic int32_t running_tid;    // kernel thread it runs on now, 0 while it does not run
    fibers_carrier *carrier;        // who runs it; written by the carrier before it switches in
    struct fibers_vthread *handed_by; // it was handed its carrier, and must perform this one's request; only the fiber
    uint32_t index;                 // its place in tables; reused after destruction
    uint32_t pinned;                // > 0: redirected calls block the kernel thread; only the fiber writes
    _Atomic uint64_t park_word;     // FIBERS_PARK_WORD
    // And what it wants: the next.
    fibers_request request;
    uint32_t handler_depth;         // > 0: inside a signal handler, must not park; only the fiber writes
    int32_t virtual_tid;            // what gettid answers on it
    const _Atomic uint32_t *cooperative; // the runtime's "in managed code" flag, NULL until known
    fibers_inbox *inbox;            // whom native wake-ups go to
    struct fibers_vthread *inbox_next;
    void *stack_low;                // lowest usable byte, just above the guard page
    void *stack_high;               // one past the highest byte
    _Atomic uint32_t cancel_word;   // FIBERS_CANCEL_* bits; whoever changes PENDING to DELIVERED delivers
    uint32_t shielded;              // > 0: cancellation is held back; only the fiber writes
    uint32_t uncommitted;           // 1 in the inbox: left on the rescue carrier, its request is still to be performed
    void *argument;                 // the creator's, for `entry` until it detaches
} fibers_vthread;

// ---- start-up --------------------------------------------------------------------------------------

// Any thread; once. Finds out what this machine and C library offer. Returns 0, or an errno with a
// sentence in `reason`: then nothing else here may be used.
FIBERS_API int fibers_start(char *reason, size_t reason_size);

// Any thread. FIBERS_ABI_VERSION of the library that was loaded.
FIBERS_API uint32_t fibers_abi_version(void);

// Any thread. What fibers_start found: FIBERS_FEATURE_* bits.
FIBERS_API uint32_t fibers_features(void);
#define FIBERS_FEATURE_FSGSBASE 1u      // one instruction writes the thread pointer
#define FIBERS_FEATURE_GUARD_INSTALL 2u // guard pages that split no mapping
#define FIBERS_FEATURE_MEMBARRIER 4u    // process-wide barrier for the signal protocol
#define FIBERS_FEATURE_PIPE_NOWAIT 8u   // pipes honour RWF_NOWAIT

// Any thread; before fibers_redirect_install. Names of libraries with commas between them, each without what follows a dot, if
// you like. Blocking calls of these park (`only` NULL: of all), unless they are in `except` (or NULL). 0 or ENOMEM. Allocates.
FIBERS_API int fibers_redirect_choose(const char *only, const char *except);

// Any thread; once, after fibers_start. Rewrites the imports listed in redirected.h. Allocates.
FIBERS_API int fibers_redirect_install(char *reason, size_t reason_size);

// Any thread. Looks at libraries loaded since; cheap when there are none. Returns how many it patched.
FIBERS_API int fibers_redirect_scan(void);

// Any thread. The address that replaces `name` in unmodified code, or NULL (tests).
FIBERS_API void *fibers_redirect_lookup(const char *name);

// ---- wait-site calibration (redirect_waits.c) ---------------------------------------------------------

// Any thread. Between begin and end, waits of THIS thread record where the runtime waits.
// kind: FIBERS_CALIBRATE_WAIT learns sites fibers may park at, FIBERS_CALIBRATE_COLLECTION learns how a
// wait for the end of a collection looks (fibers never park there).
FIBERS_API void fibers_calibrate_begin(uint32_t kind);
// keep: 0 forgets what this window recorded. Returns how many waits were seen.
FIBERS_API int fibers_calibrate_end(int keep);
// How many so far.
FIBERS_API int fibers_calibrate_seen(void);
#define FIBERS_CALIBRATE_WAIT 1u
#define FIBERS_CALIBRATE_COLLECTION 2u
#define FIBERS_CALIBRATE_YIELD 3u // learns where Thread.Yield comes from: only there yielding parks
// Any thread. Sites known, and whether collection waits can be told apart.
FIBERS_API int fibers_calibrate_result(int *wait_sites, int *collection_known);

// ---- stacks ------------------------------------------------------------------------------------------

typedef struct fibers_stacks fibers_stacks;

// Any thread. A set of equal stacks; `size` includes the guard page. Allocates. NULL with errno.
FIBERS_API fibers_stacks *fibers_stacks_create(size_t size);
// Any thread. Unmaps everything; every virtual thread on it must be destroyed.
FIBERS_API void fibers_stacks_destroy(fibers_stacks *stacks);

// ---- virtual threads -----------------------------------------------------------------------------------

// Any thread. Creates one, runs `entry` on it until it detaches, and returns it. `entry` finds `argument` there, must call
// fibers_vthread_detach and, when that says so, return. Allocates, locks. 0 or errno.
FIBERS_API int fibers_vthread_create(fibers_stacks *stacks, fibers_inbox *inbox, void (*entry)(fibers_vthread *), void *argument, fibers_vthread **result);

// Fiber only, on the kernel thread that created it. Gives the kernel thread up; returns when a carrier
// first runs it.
FIBERS_API void fibers_vthread_detach(fibers_vthread *self);

// Any thread. Ends a parked, unbound virtual thread: its entry must return at once when resumed.
// Waits for its kernel thread to be gone, then gives the stack back. 0 or errno: then it is as it was, and this may be tried again.
FIBERS_API int fibers_vthread_destroy(fibers_vthread *vthread);

// Carrier only. Runs `vthread` until somebody leaves, and returns who that is: `vthread`, or one that it, or its successor,
// handed the carrier over to. That one's request says what it wants.
FIBERS_API fibers_vthread *fibers_run(fibers_vthread *vthread);

// Fiber only. May switch. Leaves with a request of `kind` (the other fields are already filled). After this and after the next
// two: when `handed_by` is set the caller is pinned, performs that one's request, clears it and unpins.
FIBERS_API void fibers_leave(fibers_vthread *self, uint32_t kind);

// Fiber only, pinned since it began the park. May switch. Unpins, leaves with a PARK request, and says why it was woken.
// `next`: runs on this carrier instead, at once; it must have left by fibers_leave, fibers_park or fibers_leave_to called from C#, or
// by fibers_vthread_detach, and be the caller's to run. NULL: back to the carrier.
FIBERS_API fibers_wake fibers_park(fibers_vthread *self, fibers_vthread *next);

// As fibers_park, with a request of `kind`, YIELD or FINISHED: it says nothing, since nobody wakes those. With `occupied` set it has no
// request: it lies in a queue already, and whoever takes it out waits until `occupied` is 0. Then `next` must not be NULL.
FIBERS_API void fibers_leave_to(fibers_vthread *self, uint32_t kind, fibers_vthread *next);

// Any thread. The virtual thread the caller runs on, or NULL.
FIBERS_API fibers_vthread *fibers_vthread_current(void);
// Any thread. The address of that one: .NET cannot compile a method that calls it by name, without a transition, where this library is missing.
FIBERS_API void *fibers_vthread_current_function(void);
// Once, at start. What makes an interrupt that is still on its way to a fiber a pending cancellation again, and clears INTERRUPTED. Called on that
// fiber, in native code; may switch.
FIBERS_API void fibers_cancel_recall_by(void (*recall)(fibers_vthread *self));

// ---- carriers --------------------------------------------------------------------------------------------

// Any thread. Makes the calling kernel thread a carrier of `inbox`. Allocates. NULL with errno.
FIBERS_API fibers_carrier *fibers_carrier_attach(fibers_inbox *inbox);
// Carrier only. The calling kernel thread is a carrier no longer.
FIBERS_API void fibers_carrier_detach(void);

// ---- inbox -------------------------------------------------------------------------------------------------

// Any thread. Allocates. NULL with errno.
FIBERS_API fibers_inbox *fibers_inbox_create(void);
// Any thread. No carrier or virtual thread may use it any more.
FIBERS_API void fibers_inbox_destroy(fibers_inbox *inbox);
// Any thread, also from a signal handler. Makes `vthread` runnable: the caller owns its wake-up.
FIBERS_API void fibers_inbox_push(fibers_inbox *inbox, fibers_vthread *vthread);
// Any thread. Wakes the poller if it sleeps.
FIBERS_API void fibers_inbox_kick(fibers_inbox *inbox);
// Carrier only. The wake-up was seen; look at everything that could have been its reason afterwards.
FIBERS_API void fibers_inbox_acknowledge(fibers_inbox *inbox);

// ---- descriptors ---------------------------------------------------------------------------------------------

// Any thread. Per descriptor, its generation, changed by every close. NULL when out of range.
#define FIBERS_CLOSES_UNDER_WAY 255u
typedef struct fibers_descriptor {
    _Atomic uint32_t generation; // low byte: closes under way; the rest is changed by each
    _Atomic uint32_t interest;   // 1: a scheduler has waiters or a registration for it
    _Atomic int32_t closed_next; // in the closed list
    _Atomic uint32_t queued;     // 1: in the closed list
    _Atomic uint32_t edges;      // pollers count here what they report of it
    _Atomic uint32_t ending;     // 1 + the last generation of which a poller has reported more than data: its end, an error, urgent data
    _Atomic uint32_t options;    // the rest: descriptor_memory.c
    _Atomic uint32_t shared;
    _Atomic uint32_t lent;
    _Atomic uint32_t known;      // 1: somebody has asked for its generation
    _Atomic uint64_t manners;
    _Atomic uint64_t time_outs;
    _Atomic uint64_t emptied;
} fibers_descriptor;
FIBERS_API fibers_descriptor *fibers_descriptor_table(int32_t *capacity);
// Any thread. Where the list of descriptors closed while of interest begins: descriptor + 1, 0 when empty;
// follow closed_next. Taken as a whole by exchanging it for 0.
FIBERS_API _Atomic int32_t *fibers_descriptor_closed(void);
// Any thread. The inbox to kick when a descriptor of interest is closed.
FIBERS_API void fibers_descriptor_watch(fibers_inbox *inbox, int32_t on);

// ---- waiting and waking for C# -------------------------------------------------------------------------------

// Any thread; a carrier counts as idle meanwhile. Blocks the KERNEL thread while *word == expected, at most
// timeout_ns (< 0: for ever).
FIBERS_API int fibers_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);
FIBERS_API int fibers_futex_wake(_Atomic uint32_t *word, int32_t count);
// Any thread. epoll, with nanoseconds. Waiting (not just looking) counts a carrier as idle. Returns the number
// of events or -errno.
FIBERS_API int fibers_epoll_create(void);
FIBERS_API int fibers_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data);
FIBERS_API int fibers_epoll_wait(int epoll, void *events, int capacity, int64_t timeout_ns);
FIBERS_API int fibers_close(int descriptor);
// Any thread. CLOCK_MONOTONIC in nanoseconds.
FIBERS_API int64_t fibers_now(void);

// ---- work done elsewhere -------------------------------------------------------------------------------------------

// Any thread. How many calls of fibers went to io_uring, and to the pool of kernel threads.
FIBERS_API uint64_t fibers_uring_count(void);
FIBERS_API uint64_t fibers_offload_count(void);
// Any thread. 0: no calls go to io_uring any more (tests; FIBERS_IO_URING=0 forbids it from the start).
FIBERS_API void fibers_uring_allow(int32_t allow);

// ---- rescue ----------------------------------------------------------------------------------------------------

// Any thread. Starts the rescue carrier for `inbox` (see rescue.c). 0 or errno. Allocates.
FIBERS_API int fibers_rescue_start(fibers_inbox *inbox, int64_t stuck_after_ns);
// Any thread. Sleeps until a carrier of `inbox` stops being idle, fibers_rouse, or the time-out (< 0: none). `who`: one bit.
// Not when *stop is not 0: whoever sets it and then calls fibers_rouse ends the doze, or prevents it.
FIBERS_API void fibers_doze(fibers_inbox *inbox, uint32_t who, int64_t timeout_ns, const _Atomic uint32_t *stop);
#define FIBERS_DOZE_RESCUE 1u
#define FIBERS_DOZE_WATCHDOG 2u
// Any thread. Ends every doze.
FIBERS_API void fibers_rouse(fibers_inbox *inbox);
// Any thread. Stops it and waits until it is gone.
FIBERS_API void fibers_rescue_stop(fibers_inbox *inbox);
// Carrier only, when `contested` is set. 1: the rescue carrier took the fiber; leave its request alone.
FIBERS_API int fibers_rescue_settle(fibers_carrier *carrier);

// ---- tests and teaching ------------------------------------------------------------------------------------------

// Any thread. Makes the fault point fail: skips `after` passes, then fails `times` (-1: for ever).
typedef enum fibers_fault_point {
    FIBERS_FAULT_STACK = 0,        // no stack can be had: ENOMEM
    FIBERS_FAULT_THREAD = 1,       // no kernel thread can be had: EAGAIN
    FIBERS_FAULT_EPOLL_CTL = 2,    // a descriptor cannot be registered: ENOSPC
    FIBERS_FAULT_WOULD_BLOCK = 3,  // a redirected call pretends it would block
    FIBERS_FAULT_SHORT = 4,        // a redirected read or write moves at most one byte (streams; it would cut a datagram)
    FIBERS_FAULT_INTERRUPTED = 5,  // a redirected call fails with EINTR
    FIBERS_FAULT_MEMORY = 6,       // the shim gets no memory for a call: it makes the plain one
    FIBERS_FAULT_STUCK = 7,        // a carrier that comes back from a fiber stays there until the rescue carrier has run one
    FIBERS_FAULT_SHADOW_STACK = 8, // fibers_start finds a shadow stack in use: ENOTSUP
    FIBERS_FAULT_COUNT = 9,
} fibers_fault_point;
FIBERS_API void fibers_fault_set(uint32_t point, int32_t after, int32_t times);

// Any thread. One line per struct field: "struct field offset size", newline-separated, then the
// struct sizes as "struct - 0 size". The drift test compares it with the header and the C# mirror.
FIBERS_API const char *fibers_layout(void);

// Any thread. A bare context on memory of the caller's: no virtual thread, the caller's thread pointer.
FIBERS_API void fibers_context_make(fibers_context *context, void *stack_low, size_t stack_size, void (*entry)(void *), void *argument);
// Any thread. The bare switch, for the raw benchmark and the swap demo.
FIBERS_API void fibers_context_switch(fibers_context *from, fibers_context *to);
// Any thread. Nanoseconds per there-and-back switch between two bare contexts, measured in C.
FIBERS_API double fibers_context_benchmark(int64_t rounds);
// Any thread. Does nothing: the cost of a call.
FIBERS_API void fibers_nop(void);
// Any thread. Blocks the KERNEL thread, unseen by any redirection.
FIBERS_API void fibers_block_kernel_thread(int64_t nanoseconds);

// ---- the switch in slow motion (step.c) ------------------------------------------------------------------------------

// x64. The machine just before the instruction at `rip`, as the kernel saved it when it stopped the thread there.
typedef struct fibers_step {
    uint64_t rip;
    uint64_t rsp;
    uint64_t rbp;
    uint64_t rbx;
    uint64_t r12;
    uint64_t r13;
    uint64_t r14;
    uint64_t r15;
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdi;
    uint64_t rsi;
    uint64_t fs_base;
    uint64_t parked_at; // stack_pointer of the context that is left, in memory
    uint32_t mxcsr;
    uint32_t x87_control;
    uint32_t crossing;  // index into the recording's crossings
    uint32_t inside;    // 1: in the switch routine; 0: the first instruction after it
    uint64_t memory;    // where in the recording's memory the copies begin: the stack left, then the stack entered
} fibers_step;

// One call of a switch routine, and which words of the two stacks each of its steps has copied.
typedef struct fibers_crossing {
    fibers_context *from;
    fibers_context *to;
    uint64_t routine;       // its address
    uint64_t from_low;      // address of the first word copied
    uint64_t from_words;
    uint64_t to_low;
    uint64_t to_words;
    uint64_t instructions;  // executed since the previous crossing, or since the beginning
} fibers_crossing;

typedef struct fibers_recording {
    fibers_crossing *crossings;
    fibers_step *steps;
    uint64_t *memory;
    uint64_t memory_capacity;       // words
    uint64_t memory_count;
    uint32_t crossing_capacity;     // the recording is complete when there are so many
    uint32_t crossing_count;
    uint32_t step_capacity;
    uint32_t step_count;
    uint64_t instruction_limit;     // gives up after so many
    _Atomic uint32_t state;         // fibers_step_state
    uint32_t reserved;
} fibers_recording;

typedef enum fibers_step_state {
    FIBERS_STEP_RUNNING = 0,
    FIBERS_STEP_COMPLETE = 1,
    FIBERS_STEP_GAVE_UP = 2, // no room left, or the limit was reached
} fibers_step_state;

// Any thread. From its return on the calling KERNEL thread stops after every instruction, until `recording` is complete: each one
// inside a switch routine is written down, the others are counted. One recording at a time. 0, EBUSY, or ENOTSUP (not x64).
FIBERS_API int fibers_step_begin(fibers_recording *recording);
// Any thread. No step is recorded any more; a recording that was still running has given up.
FIBERS_API void fibers_step_end(void);

#endif
