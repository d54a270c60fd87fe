// A library on a fiber forks. The child's calls are the plain ones: its carrier is not there, and the run queue it would switch to is a copy of the
// parent's, or the parent's own.
#include "suspension.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS = 42, PLAIN_SECONDS = 20 };

static int to_child[2], to_parent[2];

static int status_of(pid_t child)
{
    int status = -1;
    REQUIRE("fork", child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// The usual handshake: the child waits until the parent has prepared something. And everything else that would park a fiber.
static void fork_and_shake_hands(void *unused)
{
    (void)unused;
    REQUIRE("fork", pipe(to_child) == 0 && pipe(to_parent) == 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(PLAIN_SECONDS);
        char byte;
        struct pollfd entry = {to_child[0], POLLIN, 0};
        bool right = write(to_parent[1], "x", 1) == 1 && poll(&entry, 1, -1) == 1 && read(to_child[0], &byte, 1) == 1 && usleep(1000) == 0;
        right = right && fibers_vthread_current() == NULL && (pid_t)syscall(SYS_gettid) == getpid() && fibers_redirect_scan() == 0;
        _exit(right ? STATUS : 1);
    }
    char byte;
    CHECK("fork", read(to_parent[0], &byte, 1) == 1 && write(to_child[1], "x", 1) == 1);
    CHECK("fork", status_of(child) == STATUS);
    CHECK("fork", fibers_vthread_current() != NULL && (pid_t)syscall(SYS_gettid) != getpid());
}

// Somebody who goes on running while the parent of a vfork does not.
static void *answer(void *unused)
{
    (void)unused;
    char byte;
    CHECK("vfork", read(to_parent[0], &byte, 1) == 1 && write(to_child[1], "x", 1) == 1);
    return NULL;
}

static void vfork_and_shake_hands(void *unused)
{
    (void)unused;
    pthread_t thread;
    REQUIRE("vfork", pthread_create(&thread, NULL, answer, NULL) == 0);
    fibers_carrier *carrier = fibers_vthread_current()->carrier;
    uint64_t switches = atomic_load(&carrier->switches); // that child would come back, if it left: its parent's scheduler would run in it
    pid_t child = vfork();
    if (child == 0) {
        alarm(PLAIN_SECONDS);
        char byte;
        bool right = write(to_parent[1], "x", 1) == 1 && read(to_child[0], &byte, 1) == 1 && usleep(1000) == 0;
        _exit(right && atomic_load(&carrier->switches) == switches ? STATUS : 1);
    }
    CHECK("vfork", fibers_vthread_current()->pinned == 0);
    CHECK("vfork", status_of(child) == STATUS);
    pthread_join(thread, NULL);
}

static void leave_by_exec(void *unused)
{
    (void)unused;
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 42", (char *)NULL);
        _exit(1);
    }
    CHECK("vfork", status_of(child) == STATUS);
}

void topic_forks(void)
{
    redirect_everything(ignore_suspension);
    CHECK("vfork", fibers_redirect_lookup("vfork") != NULL);
    scheduler *s = scheduler_start(1);
    void (*forms[])(void *) = {fork_and_shake_hands, vfork_and_shake_hands, leave_by_exec};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        scheduler_spawn(s, forms[i], NULL);
        scheduler_wait(s);
    }
    scheduler_stop(s);
    leave_by_exec(NULL); // where there is nobody to pin
}
