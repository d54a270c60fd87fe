// The runtime's suspension signal, and what "owed" means.
//
// To stop a thread for a collection the runtime sends it a signal and sets a pending flag, which only its
// handler clears, running on that thread. A fiber may move between the sending and the delivery; the
// signal then reaches its former carrier, the flag stays set, and the runtime never sends another: a later
// tight loop in that fiber would hang every collection. So:
//
//   pthread_kill   marks the signal as owed to its target, then sends it to the kernel thread the target
//                  runs on. If it runs on none: ESRCH; the runtime clears its flag and tries again.
//   handler        ours, in front of the runtime's: whoever it runs on is owed nothing any more.
//   switch-in      a target that is still owed a signal sends it to itself (fibers_run, fibers_leave).
//
// The race between "where does it run?" and a switch-in (both write one word and read the other) is
// settled by a process-wide barrier in pthread_kill, the rare side; a switch costs no fence.
// Carriers have the same problem, one stack further down, and the same cure.
#include "redirect.h"

#include <linux/membarrier.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int suspension_signal;
static struct sigaction runtime_action;

static void on_suspension(int signal, siginfo_t *info, void *context)
{
    fibers_vthread *self = fibers_self;
    fibers_carrier *carrier = fibers_self_carrier;
    // Before the runtime's handler: it clears its flag inside, and from then on may owe us a new one.
    if (self != NULL) {
        atomic_store_explicit(&self->signal_owed, 0, memory_order_relaxed);
        self->handler_depth++; // waits for the collection happen inside: they must not park
        runtime_action.sa_sigaction(signal, info, context);
        self->handler_depth--;
        return;
    }
    if (carrier != NULL)
        atomic_store_explicit(&carrier->signal_owed, 0, memory_order_relaxed);
    runtime_action.sa_sigaction(signal, info, context);
}

int fibers_signals_start(char *reason, size_t size)
{
    suspension_signal = SIGRTMIN;
    if (sigaction(suspension_signal, NULL, &runtime_action) != 0 || !(runtime_action.sa_flags & SA_SIGINFO) || runtime_action.sa_sigaction == NULL) {
        snprintf(reason, size, "the .NET runtime has no handler for its suspension signal");
        return ENOTSUP;
    }
    struct sigaction ours = runtime_action;
    ours.sa_sigaction = on_suspension;
    if (sigaction(suspension_signal, &ours, NULL) != 0) {
        snprintf(reason, size, "the suspension signal cannot be handled");
        return errno;
    }
    return 0;
}

static int send_owed(_Atomic uint32_t *owed, const _Atomic int32_t *running_tid, int signal)
{
    atomic_store_explicit(owed, 1, memory_order_seq_cst);
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    int32_t tid = atomic_load_explicit(running_tid, memory_order_relaxed);
    if (tid != 0) {
        int error = errno;
        long result = syscall(SYS_tgkill, getpid(), tid, signal);
        int failure = errno;
        errno = error;
        if (result == 0)
            return 0;
        if (failure != ESRCH) {
            atomic_store_explicit(owed, 0, memory_order_relaxed);
            return failure;
        }
    }
    atomic_store_explicit(owed, 0, memory_order_relaxed);
    return ESRCH;
}

int redirected_pthread_kill(pthread_t thread, int signal)
{
    fibers_vthread *target = fibers_vthread_of(thread);
    if (target != NULL) {
        if (signal == suspension_signal)
            return send_owed(&target->signal_owed, &target->running_tid, signal);
        int32_t tid = atomic_load(&target->running_tid);
        if (tid == 0)
            return ESRCH;
        return signal == 0 || syscall(SYS_tgkill, getpid(), tid, signal) == 0 ? 0 : errno;
    }
    fibers_carrier *carrier = fibers_carrier_of(thread);
    if (carrier != NULL && signal == suspension_signal)
        atomic_store_explicit(&carrier->signal_owed, 1, memory_order_seq_cst);
    return pthread_kill(thread, signal);
}

void fibers_signal_repay(_Atomic uint32_t *owed)
{
    if (atomic_exchange(owed, 0) != 0) {
        atomic_store(owed, 1); // until the handler has run here
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), suspension_signal);
    }
}
