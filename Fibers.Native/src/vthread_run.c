// The two crossings: a carrier into a fiber, and a fiber back to whoever carries it. And the short way from one fiber
// to the next, which leaves the carrier out:
//
//     fibers_run ─► A ── leaves ──► back in fibers_run            two switches from fiber to fiber
//     fibers_run ─► A ── hands over to ──► B ── leaves ──► ...    one
//
// A fiber may not run before its context is saved, and nobody but the code after the switch can know that. So whoever arrives
// performs the request of the one that left: the carrier, or B (VirtualThread.cs). One that only gives way needs nobody: it is in a
// queue before it leaves, marked `occupied`, and the switch itself takes the mark away.
#include "internal.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

fibers_carrier *fibers_carrier_attach(fibers_inbox *inbox)
{
    // Carrier structs are never freed while their inbox lives: the rescue carrier walks the list unlocked.
    fibers_carrier *carrier = NULL;
    for (fibers_carrier *c = atomic_load(&inbox->carriers); c != NULL && carrier == NULL; c = c->next) {
        uint32_t gone = FIBERS_PHASE_GONE;
        if (!c->rescuer && atomic_compare_exchange_strong(&c->phase, &gone, FIBERS_PHASE_SCHEDULER))
            carrier = c;
    }
    if (carrier == NULL) {
        carrier = aligned_alloc(64, (sizeof *carrier + 63) & ~(size_t)63);
        if (carrier == NULL)
            return NULL;
        memset(carrier, 0, sizeof *carrier);
        carrier->inbox = inbox;
        fibers_carrier *head = atomic_load(&inbox->carriers);
        do
            carrier->next = head;
        while (!atomic_compare_exchange_weak(&inbox->carriers, &head, carrier));
    }
    carrier->context.thread_pointer = fibers_thread_pointer();
    carrier->kernel_tid = (int32_t)syscall(SYS_gettid);
    fibers_self_carrier = carrier;
    fibers_idle_end(); // whoever dozes because no carrier is busy has not seen this one
    return carrier;
}

void fibers_carrier_detach(void)
{
    fibers_carrier *carrier = fibers_self_carrier;
    fibers_self_carrier = NULL;
    atomic_store_explicit(&carrier->mounted, NULL, memory_order_relaxed);
    atomic_store(&carrier->phase, FIBERS_PHASE_GONE);
}

// Fault injection: what a carrier suffers that must wait on its way back into managed code, for something only
// a parked fiber can bring about.
static void be_stuck(fibers_carrier *carrier)
{
    uint64_t before = atomic_load(&carrier->inbox->rescued);
    while (atomic_load(&carrier->inbox->rescued) == before && fibers_fault(FIBERS_FAULT_STUCK))
        fibers_block_kernel_thread(1000000);
}

// The one that runs on `carrier` from here on.
static void mount(fibers_carrier *carrier, fibers_vthread *vthread)
{
    vthread->carrier = carrier;
    // Relaxed is enough: pthread_kill reads it behind a process-wide barrier (redirect_signals.c).
    atomic_store_explicit(&vthread->running_tid, carrier->kernel_tid, memory_order_relaxed);
    atomic_store_explicit(&carrier->switches, atomic_load_explicit(&carrier->switches, memory_order_relaxed) + 1, memory_order_relaxed);
}

// `left` has left and its context is saved: its request may be looked at.
static void dismount(fibers_carrier *carrier, fibers_vthread *left)
{
    atomic_store_explicit(&left->running_tid, 0, memory_order_relaxed);
    atomic_store_explicit(&carrier->phase, FIBERS_PHASE_RETURNED, memory_order_release);
}

fibers_vthread *fibers_run(fibers_vthread *vthread)
{
    fibers_carrier *carrier = fibers_self_carrier;
    mount(carrier, vthread);
    atomic_store_explicit(&carrier->mounted, vthread, memory_order_relaxed);
    atomic_store_explicit(&carrier->phase, FIBERS_PHASE_FIBER, memory_order_release);

    fibers_switch(&carrier->context, &vthread->context); // SEE two-crossings

    fibers_vthread *left = atomic_load_explicit(&carrier->mounted, memory_order_relaxed);
    dismount(carrier, left);
    if (UNLIKELY(atomic_load_explicit(&carrier->signal_owed, memory_order_relaxed)))
        fibers_signal_repay(&carrier->signal_owed);
    if (UNLIKELY(fibers_fault(FIBERS_FAULT_STUCK)) && !carrier->rescuer)
        be_stuck(carrier);
    return left;
}

// First thing on a fiber that runs again. Its carrier is NULL when it is being destroyed, on a kernel thread of its own.
static void arrive(fibers_vthread *self)
{
    fibers_carrier *carrier = self->carrier;
    if (carrier != NULL && carrier->leaving != NULL) {
        self->handed_by = carrier->leaving;
        carrier->leaving = NULL;
        dismount(carrier, self->handed_by);
        self->pinned++; // until it has performed the request: VirtualThread.TakeOver
    }
    if (UNLIKELY(atomic_load_explicit(&self->signal_owed, memory_order_relaxed)))
        fibers_signal_repay(&self->signal_owed);
}

void fibers_leave(fibers_vthread *self, uint32_t kind)
{
    self->request.kind = kind;
    fibers_switch(&self->context, &self->carrier->context); // returns later, perhaps on another carrier
    arrive(self);
}

// Unpins here and not in C#: between unpinning there and leaving here, a hidden wait of the runtime could park
// under the next number, and this park would be nobody's.
void fibers_leave_to(fibers_vthread *self, uint32_t kind, fibers_vthread *next)
{
    self->pinned--;
    if (next == NULL) {
        fibers_leave(self, kind);
        return;
    }
    fibers_carrier *carrier = self->carrier;
    self->request.kind = kind;
    if (atomic_load_explicit(&self->context.occupied, memory_order_relaxed)) {
        atomic_store_explicit(&self->running_tid, 0, memory_order_relaxed);
        atomic_store_explicit(&carrier->mounted, next, memory_order_relaxed);
    } else {
        carrier->leaving = self; // `mounted` is self too, until `next` has performed the request
    }
    mount(carrier, next);
    fibers_switch_peer(&self->context, &next->context);
    arrive(self);
}

fibers_wake fibers_park(fibers_vthread *self, fibers_vthread *next)
{
    fibers_leave_to(self, FIBERS_REQUEST_PARK, next);
    return park_settle(self);
}

void fibers_vthread_detach(fibers_vthread *self)
{
    fibers_detach_context(self);
    // Resumed. By a carrier, unless it is destroyed before it ever ran: then there is none to go back to.
    if (self->carrier != NULL)
        self->pinned = 0;
    arrive(self);
}

// Between the two a carrier is idle. The phase is changed here and not in C#: a carrier that wakes during a
// collection is held up on its way back to managed code, and must not look idle to the rescue carrier then.
void fibers_idle_begin(void)
{
    if (fibers_self_carrier != NULL)
        atomic_store_explicit(&fibers_self_carrier->phase, FIBERS_PHASE_IDLE, memory_order_release);
}

void fibers_idle_end(void)
{
    fibers_carrier *carrier = fibers_self_carrier;
    if (carrier == NULL)
        return;
    atomic_store(&carrier->phase, FIBERS_PHASE_SCHEDULER); // full fence; pairs with fibers_doze
    if (UNLIKELY(atomic_load(&carrier->inbox->dozing) != 0))
        fibers_rouse(carrier->inbox);
}

// *stop is read after the doze was announced; else it might be set, and everybody roused, in between.
void fibers_doze(fibers_inbox *inbox, uint32_t who, int64_t timeout_ns, const _Atomic uint32_t *stop)
{
    uint32_t dozing = atomic_fetch_or(&inbox->dozing, who) | who; // full fence; pairs with fibers_idle_end, and with who stops
    if (atomic_load(stop) != 0) {
        atomic_fetch_and(&inbox->dozing, ~who);
        return;
    }
    for (fibers_carrier *c = atomic_load(&inbox->carriers); c != NULL; c = c->next) {
        uint32_t phase = atomic_load(&c->phase);
        if (!c->rescuer && phase != FIBERS_PHASE_IDLE && phase != FIBERS_PHASE_GONE) {
            atomic_fetch_and(&inbox->dozing, ~who);
            return;
        }
    }
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    while (atomic_load(&inbox->dozing) & who) {
        long result = syscall(SYS_futex, &inbox->dozing, FUTEX_WAIT_PRIVATE, dozing, timeout_ns < 0 ? NULL : &timeout, NULL, 0);
        if (result != 0 && errno == ETIMEDOUT)
            break;
        dozing = atomic_load(&inbox->dozing);
    }
    atomic_fetch_and(&inbox->dozing, ~who);
}

void fibers_rouse(fibers_inbox *inbox)
{
    atomic_store(&inbox->dozing, 0);
    fibers_futex_wake(&inbox->dozing, INT_MAX);
}

int fibers_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    fibers_idle_begin();
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? NULL : &timeout, NULL, 0);
    int error = result == 0 ? 0 : errno;
    fibers_idle_end();
    return error;
}

int fibers_futex_wake(_Atomic uint32_t *word, int32_t count)
{
    return (int)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

int64_t fibers_now(void)
{
    return now_ns();
}

void fibers_block_kernel_thread(int64_t nanoseconds)
{
    struct timespec left = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}
