// Waiting for a child: a process descriptor becomes readable when it ends.
#include "offload.h"
#include "redirect.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(P_PIDFD)
#define P_PIDFD 3
#endif

struct wait_call {
    fibers_job job;
    idtype_t kind;
    id_t id;
    int *status;
    siginfo_t *info;
    int options;
};

static long call_waitpid(fibers_job *job)
{
    struct wait_call *call = (struct wait_call *)job;
    return waitpid((pid_t)call->id, call->status, call->options);
}

static long call_waitid(fibers_job *job)
{
    struct wait_call *call = (struct wait_call *)job;
    return waitid(call->kind, call->id, call->info, call->options);
}

typedef enum wait_outcome { ENDED, FAILED, CANNOT_WAIT } wait_outcome;

// May switch. Until that one process has ended.
static wait_outcome await_exit(idtype_t kind, id_t id)
{
    int process = kind == P_PIDFD ? (int)id : kind == P_PID ? (int)syscall(SYS_pidfd_open, id, 0) : -1;
    if (process < 0)
        return CANNOT_WAIT;
    struct pollfd entry = {process, POLLIN, 0};
    bool ended = redirected_poll(&entry, 1, -1) > 0;
    int error = errno;
    if (kind == P_PID)
        redirected_close(process);
    errno = error;
    return ended ? ENDED : FAILED;
}

pid_t redirected_waitpid(pid_t pid, int *status, int options)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || (options & WNOHANG))
        return waitpid(pid, status, options);
    pid_t now = waitpid(pid, status, options | WNOHANG);
    if (now != 0)
        return now; // it has ended, or is no child of ours
    bool one_exit = pid > 0 && !(options & (WUNTRACED | WCONTINUED));
    switch (one_exit ? await_exit(P_PID, (id_t)pid) : CANNOT_WAIT) {
    case ENDED: return waitpid(pid, status, options);
    case FAILED: return -1;
    default: break;
    }
    struct wait_call call = {{.call = call_waitpid, .endless = true}, .id = (id_t)pid, .status = status, .options = options};
    return (pid_t)fibers_offload(self, &call.job, FIBERS_REASON_PROCESS);
}

int redirected_waitid(idtype_t kind, id_t id, siginfo_t *info, int options)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || (options & WNOHANG) || (kind == P_PIDFD && (fcntl((int)id, F_GETFL) & O_NONBLOCK)))
        return waitid(kind, id, info, options);
    siginfo_t found = {0};
    int now = waitid(kind, id, &found, options | WNOHANG);
    if (now != 0 || found.si_pid != 0) {
        if (now == 0 && info != NULL)
            *info = found;
        return now;
    }
    bool one_exit = (options & (WEXITED | WSTOPPED | WCONTINUED)) == WEXITED;
    switch (one_exit ? await_exit(kind, id) : CANNOT_WAIT) {
    case ENDED: return waitid(kind, id, info, options);
    case FAILED: return -1;
    default: break;
    }
    struct wait_call call = {{.call = call_waitid, .endless = true}, .kind = kind, .id = id, .info = info, .options = options};
    return (int)fibers_offload(self, &call.job, FIBERS_REASON_PROCESS);
}
