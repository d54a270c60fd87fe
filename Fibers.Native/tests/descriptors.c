// Closing a descriptor that fibers wait on wakes them, and its number may be reused at once.
#include "suspension.h"

#include <sched.h>
#include <sys/socket.h>
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

static void close_under_waiters(scheduler *s, bool by_dup2)
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
        CHECK("close", close(number) == 0);
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

void topic_descriptors(void)
{
    redirect_everything(ignore_suspension);
    scheduler *s = scheduler_start(2);
    for (int i = 0; i < check_scaled(100); i++)
        close_under_waiters(s, i & 1);
    scheduler_stop(s);
}
