// Closing a descriptor that fibers wait on wakes them, and its number may be reused at once.
#include "suspension.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WAITERS = 4 };

static int pair[2];
static struct waiter {
    fibers_vthread *_Atomic vthread;
    ssize_t result;
    int error;
} waiters[WAITERS];

static void wait_for_data(void *argument)
{
    struct waiter *self = argument;
    char byte;
    atomic_store(&self->vthread, fibers_vthread_current());
    self->result = read(pair[0], &byte, 1);
    self->error = errno;
}

static void await_parked(struct waiter *waiter)
{
    for (int64_t limit = now_ns() + 60000000000;;) {
        fibers_vthread *vthread = atomic_load(&waiter->vthread);
        if (vthread != NULL && FIBERS_PARK_STATE(atomic_load(&vthread->park_word)) == FIBERS_PARKED && vthread->request.kind == FIBERS_REQUEST_DESCRIPTOR)
            return;
        REQUIRE("close", now_ns() < limit);
        sched_yield();
    }
}

// In all the ways there are. Those of newer C libraries are found by name.
enum { BY_CLOSE, BY_SYSCALL, BY_FCLOSE, BY_FREOPEN, BY_RANGE, BY_RANGE_SYSCALL, BY_CLOSEFROM, WAYS };

static bool close_by(int way, int number)
{
    int (*close_range)(unsigned int, unsigned int, int) = (int (*)(unsigned int, unsigned int, int))fibers_redirect_lookup("close_range");
    void (*closefrom)(int) = (void (*)(int))fibers_redirect_lookup("closefrom");
    FILE *stream;
    switch (way) {
    case BY_SYSCALL: return syscall(SYS_close, number) == 0;
    case BY_FCLOSE: return fclose(fdopen(number, "r+")) == 0;
    case BY_FREOPEN: // the number is another file's at once
        stream = freopen("/dev/null", "r", fdopen(number, "r+"));
        return stream != NULL && fclose(stream) == 0;
    case BY_RANGE: return close_range((unsigned int)number, (unsigned int)number, 0) == 0;
    case BY_RANGE_SYSCALL: return syscall(436 /* SYS_close_range */, number, number, 0) == 0;
    case BY_CLOSEFROM: closefrom(number); return true;
    default: return close(number) == 0;
    }
}

static void close_under_waiters(scheduler *s, int way, bool by_dup2)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    REQUIRE("close", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pair[0] < capacity);
    int number = pair[0], peer = pair[1], next[2];
    uint32_t generation = atomic_load(&table[number].generation);
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){.result = -2};
        scheduler_spawn(s, wait_for_data, &waiters[i]);
    }
    for (int i = 0; i < WAITERS; i++)
        await_parked(&waiters[i]);
    if (by_dup2) {
        REQUIRE("close", socketpair(AF_UNIX, SOCK_STREAM, 0, next) == 0);
        CHECK("dup2", dup2(next[0], number) == number);
        close(next[0]);
        next[0] = number;
    } else {
        CHECK("close", close_by(way, number));
        CHECK("generation", atomic_load(&table[number].generation) != generation);
        if (way == BY_CLOSEFROM)
            peer = -1;
        REQUIRE("close", socketpair(AF_UNIX, SOCK_STREAM, 0, next) == 0);
        CHECK("close", next[0] == number); // the very number, at once
    }
    CHECK("close", write(next[1], "abcdefgh", 8) == 8); // data the old waiters must never see
    scheduler_wait(s);
    for (int i = 0; i < WAITERS; i++)
        CHECK("close", waiters[i].result == -1 && waiters[i].error == EBADF);
    char text[9] = "";
    CHECK("close", read(next[0], text, 8) == 8 && strcmp(text, "abcdefgh") == 0);
    CHECK("generation", atomic_load(&table[number].generation) != generation);
    // A new waiter on the same number is the new file's.
    pair[0] = number;
    waiters[0] = (struct waiter){.result = -2};
    scheduler_spawn(s, wait_for_data, &waiters[0]);
    await_parked(&waiters[0]);
    CHECK("close", write(next[1], "x", 1) == 1);
    scheduler_wait(s);
    CHECK("close", waiters[0].result == 1);
    close(number);
    close(next[1]);
    close(peer);
}

#if defined(SYS_dup2)
static void replace_by_syscall(void)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    REQUIRE("dup2", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    uint32_t generation = atomic_load(&table[pair[0]].generation);
    CHECK("dup2", syscall(SYS_dup2, pair[1], pair[0]) == pair[0]);
    CHECK("dup2", atomic_load(&table[pair[0]].generation) != generation);
    close(pair[0]);
    close(pair[1]);
}
#endif

static void *pclose_it(void *stream)
{
    CHECK("pclose", pclose(stream) == 0);
    return NULL;
}

// It waits for the child long after it has closed: who waits for the next file of the number has nothing to do with that.
static void reuse_while_pclose_waits(scheduler *s)
{
    char folder[] = P_tmpdir "/fibers-pclose-XXXXXX", fifo[sizeof folder + 8], command[sizeof fifo + 20];
    REQUIRE("pclose", mkdtemp(folder) != NULL);
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    snprintf(command, sizeof command, "read x < %s", fifo);
    REQUIRE("pclose", mkfifo(fifo, 0600) == 0);
    FILE *child = popen(command, "r");
    REQUIRE("pclose", child != NULL);
    int number = pair[0] = fileno(child), next[2];
    waiters[0] = (struct waiter){.result = -2};
    scheduler_spawn(s, wait_for_data, &waiters[0]);
    await_parked(&waiters[0]);
    pthread_t thread;
    REQUIRE("pclose", pthread_create(&thread, NULL, pclose_it, child) == 0);
    scheduler_wait(s);
    CHECK("pclose", waiters[0].result == -1 && waiters[0].error == EBADF);
    while (fcntl(number, F_GETFD) >= 0)
        sched_yield();
    REQUIRE("pclose", socketpair(AF_UNIX, SOCK_STREAM, 0, next) == 0);
    if (next[0] != number)
        REQUIRE("pclose", next[1] == number || fcntl(next[0], F_DUPFD_CLOEXEC, number) == number);
    waiters[0] = (struct waiter){.result = -2};
    scheduler_spawn(s, wait_for_data, &waiters[0]);
    await_parked(&waiters[0]);
    CHECK("pclose", write(next[1] == number ? next[0] : next[1], "x", 1) == 1);
    scheduler_wait(s);
    CHECK("pclose", waiters[0].result == 1);
    int writer = open(fifo, O_WRONLY);
    CHECK("pclose", write(writer, "x\n", 2) == 2);
    close(writer);
    pthread_join(thread, NULL);
    close(next[0]);
    close(next[1]);
    if (next[0] != number && next[1] != number)
        close(number);
    unlink(fifo);
    rmdir(folder);
}

// Of a range only those numbers count that somebody has asked for; the table has room for many more.
static void close_all_there_could_be(void)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    int (*close_range)(unsigned int, unsigned int, int) = (int (*)(unsigned int, unsigned int, int))fibers_redirect_lookup("close_range");
    uint32_t last = atomic_load(&table[capacity - 1].generation);
    CHECK("range", close_range(1000, UINT_MAX, 0) == 0);
    CHECK("range", atomic_load(&table[capacity - 1].generation) == last && atomic_load(&table[1000].generation) == 0);
    CHECK("range", close_range(1001, 1000, 0) == -1 && errno == EINVAL);
}

// A dup2 that fails has closed nothing: whoever waits goes on waiting.
static void fail_to_close_under_waiters(scheduler *s)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    REQUIRE("dup2", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    uint32_t generation = atomic_load(&table[pair[0]].generation);
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){.result = -2};
        scheduler_spawn(s, wait_for_data, &waiters[i]);
    }
    for (int i = 0; i < WAITERS; i++)
        await_parked(&waiters[i]);
    CHECK("dup2", dup2(-1, pair[0]) == -1 && errno == EBADF);
    CHECK("dup2", dup3(-1, pair[0], 0) == -1 && errno == EBADF);
    CHECK("dup2", atomic_load(&table[pair[0]].generation) == generation);
    CHECK("dup2", write(pair[1], "abcd", WAITERS) == WAITERS);
    scheduler_wait(s);
    for (int i = 0; i < WAITERS; i++)
        CHECK("dup2", waiters[i].result == 1);
    close(pair[0]);
    close(pair[1]);
}

static _Atomic uint32_t turns;

static void count_turns(fibers_carrier *carrier, fibers_vthread *vthread)
{
    (void)carrier, (void)vthread;
    atomic_fetch_add(&turns, 1);
}

// While a close is under way nobody begins to wait: the file may be the old one, or the next already.
static void wait_while_it_is_being_closed(scheduler *s, bool closed)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    REQUIRE("closing", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    _Atomic uint32_t *generation = &table[pair[0]].generation;
    atomic_fetch_add(generation, 1); // as a close would that is held up in the kernel
    atomic_store(&turns, 0);
    scheduler_on_return(s, count_turns);
    waiters[0] = (struct waiter){.result = -2};
    scheduler_spawn(s, wait_for_data, &waiters[0]);
    while (atomic_load(&turns) < 10) // it tries, and tries again
        sched_yield();
    CHECK("closing", waiters[0].result == -2);
    atomic_fetch_add(generation, closed ? FIBERS_CLOSES_UNDER_WAY : UINT32_MAX); // done, or failed
    await_parked(&waiters[0]);
    CHECK("closing", write(pair[1], "x", 1) == 1);
    scheduler_wait(s);
    CHECK("closing", waiters[0].result == 1);
    scheduler_on_return(s, NULL);
    close(pair[0]);
    close(pair[1]);
}

void topic_descriptors(void)
{
    redirect_everything(ignore_suspension);
    scheduler *s = scheduler_start(2);
    for (int i = 0; i < check_scaled(100); i++)
        close_under_waiters(s, BY_CLOSE, i & 1);
    for (int way = BY_CLOSE; way < WAYS; way++)
        close_under_waiters(s, way, false);
#if defined(SYS_dup2)
    replace_by_syscall();
#endif
    reuse_while_pclose_waits(s);
    close_all_there_could_be();
    fail_to_close_under_waiters(s);
    wait_while_it_is_being_closed(s, true);
    wait_while_it_is_being_closed(s, false);
    scheduler_stop(s);
}
