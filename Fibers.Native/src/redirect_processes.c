// Waiting for a child: a process descriptor becomes readable when it ends.
#include "offload.h"
#include "redirect.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct wait_call {
    fibers_job job;
    pid_t pid;
    int *status;
    int options;
};

static long call_waitpid(fibers_job *job)
{
    struct wait_call *call = (struct wait_call *)job;
    return waitpid(call->pid, call->status, call->options);
}

pid_t redirected_waitpid(pid_t pid, int *status, int options)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || (options & WNOHANG))
        return waitpid(pid, status, options);
    int process = pid > 0 && !(options & (WUNTRACED | WCONTINUED)) ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (process < 0) { // any child, a group, or no child of ours
        pid_t now = waitpid(pid, status, options | WNOHANG);
        if (now != 0)
            return now;
        struct wait_call call = {{.call = call_waitpid}, pid, status, options};
        return (pid_t)fibers_offload(self, &call.job, FIBERS_REASON_PROCESS);
    }
    struct pollfd entry = {process, POLLIN, 0};
    int ready = redirected_poll(&entry, 1, -1);
    int error = errno;
    redirected_close(process);
    errno = error;
    return ready < 0 ? -1 : waitpid(pid, status, options);
}
