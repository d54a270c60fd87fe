// Waiting for a child parks the fiber, in each of the ways there are to wait. One carrier: were one of them to block the kernel thread,
// the fiber that lets the children end would never run.
#include "suspension.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS = 7 };

static struct waiter {
    const char *rule;
    pid_t (*wait)(pid_t child, int *status);
    pid_t child;
    int release; // written to, the child ends
} waiters[];

static pid_t by_waitpid(pid_t child, int *status)
{
    return waitpid(child, status, 0);
}

static pid_t by_waitpid_of_any(pid_t child, int *status)
{
    (void)child;
    return waitpid(-1, status, 0);
}

static pid_t by_waitid(idtype_t kind, id_t id, int *status)
{
    siginfo_t info = {0};
    if (waitid(kind, id, &info, WEXITED) != 0)
        return -1;
    *status = info.si_code == CLD_EXITED ? info.si_status << 8 : -1;
    return info.si_pid;
}

static pid_t by_waitid_of_a_number(pid_t child, int *status)
{
    return by_waitid(P_PID, (id_t)child, status);
}

static pid_t by_waitid_of_any(pid_t child, int *status)
{
    (void)child;
    return by_waitid(P_ALL, 0, status);
}

static pid_t by_waitid_of_a_descriptor(pid_t child, int *status)
{
    int process = (int)syscall(SYS_pidfd_open, child, 0);
    REQUIRE("waitid", process >= 0);
    pid_t ended = by_waitid((idtype_t)3 /* P_PIDFD, not in every header */, (id_t)process, status);
    close(process);
    return ended;
}

static struct waiter waiters[] = {
    {.rule = "waitpid", .wait = by_waitpid},
    {.rule = "waitid", .wait = by_waitid_of_a_number},
    {.rule = "waitid", .wait = by_waitid_of_a_descriptor},
    {.rule = "waitpid of any", .wait = by_waitpid_of_any},
    {.rule = "waitid of any", .wait = by_waitid_of_any},
};

static _Atomic bool ended;

static void wait_for_child(void *argument)
{
    struct waiter *waiter = argument;
    int status = -1;
    CHECK(waiter->rule, !atomic_load(&ended));
    CHECK(waiter->rule, waiter->wait(waiter->child, &status) == waiter->child);
    CHECK(waiter->rule, atomic_load(&ended));
    CHECK(waiter->rule, WIFEXITED(status) && WEXITSTATUS(status) == STATUS);
}

static void let_it_end(void *argument)
{
    struct waiter *waiter = argument;
    atomic_store(&ended, true);
    CHECK(waiter->rule, write(waiter->release, "x", 1) == 1);
}

static void start_child(struct waiter *waiter)
{
    int ends[2];
    REQUIRE("child", pipe(ends) == 0);
    waiter->release = ends[1];
    waiter->child = fork(); // not on a fiber: the child has nobody to run its fibers
    if (waiter->child == 0) {
        char byte;
        _exit(read(ends[0], &byte, 1) == 1 ? STATUS : 1);
    }
    close(ends[0]);
}

static void the_rules_of_the_plain_call(void *unused)
{
    (void)unused;
    int status;
    siginfo_t info;
    CHECK("waitpid", waitpid(1, &status, 0) == -1 && errno == ECHILD); // it runs, and is nobody's child here
    CHECK("waitid", waitid(P_PID, 1, &info, WEXITED) == -1 && errno == ECHILD);
    CHECK("waitpid of any", waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
    CHECK("waitid", waitid(P_PID, 1, &info, 0) == -1 && errno == EINVAL);
}

void topic_children(void)
{
    redirect_everything(ignore_suspension);
    for (size_t i = 0; i < sizeof waiters / sizeof waiters[0]; i++) {
        start_child(&waiters[i]);
        atomic_store(&ended, false);
        scheduler *s = scheduler_start(1);
        scheduler_spawn(s, wait_for_child, &waiters[i]);
        scheduler_spawn(s, let_it_end, &waiters[i]);
        scheduler_stop(s);
        close(waiters[i].release);
    }
    scheduler *s = scheduler_start(1);
    scheduler_spawn(s, the_rules_of_the_plain_call, NULL);
    scheduler_stop(s);
}
