// Death of a virtual thread: it gets a kernel thread again, for as long as it takes the C library and the
// .NET runtime to run their ordinary thread exit (destructors of thread-locals, detaching from the CLR).
#include "internal.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void fibers_vthread_forget(vthread_block *block);

#define REVIVE_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_CHILD_CLEARTID)

// The kernel clears the word and wakes it (a shared wake-up) when a thread has left this memory.
static void wait_until_gone(vthread_block *block)
{
    for (uint32_t value; (value = atomic_load(&block->kernel_exit)) != 0;)
        syscall(SYS_futex, &block->kernel_exit, FUTEX_WAIT, value, NULL, NULL, 0);
}

int fibers_vthread_destroy(fibers_vthread *vthread)
{
    vthread_block *block = (vthread_block *)vthread;
    // The kernel thread it was born on published the context before it ended. On a busy machine it may still be
    // on its way out, and would clear the word on behalf of the one we are about to make.
    wait_until_gone(block);
    uint32_t pinned = vthread->pinned;
    fibers_carrier *carrier = vthread->carrier;
    atomic_store(&block->kernel_exit, 1);
    vthread->pinned = 1; // it will run on a kernel thread of its own, with no carrier to go back to
    vthread->carrier = NULL;
    // The child inherits the mask. It must not be interrupted: the way out is short, and it ends by
    // giving back the very stack a handler would use.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    long tid = fibers_revive(&vthread->context, &block->kernel_exit, REVIVE_FLAGS);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (tid < 0) { // as it was: the next attempt must not wait for a kernel thread that there never was
        atomic_store(&block->kernel_exit, 0);
        vthread->pinned = pinned;
        vthread->carrier = carrier;
        return (int)-tid;
    }
    wait_until_gone(block);
    fibers_vthread_forget(block);
    return 0;
}
