// Many wakers, one park number: exactly one wins, whether the fiber is still leaving or has been parked for long.
#include "scheduler.h"

#include <stdio.h>

enum { WAKERS = 4 };

static fibers_vthread *_Atomic sleeper;
static _Atomic uint64_t open_number; // 0 before the first park, UINT64_MAX after the last
static _Atomic uint32_t *wins;
static uint64_t first_number;
static int rounds;
static uint32_t reasons[8];

static void park_again_and_again(void *unused)
{
    (void)unused;
    fibers_vthread *self = fibers_vthread_current();
    first_number = FIBERS_PARK_NUMBER(atomic_load(&self->park_word)) + 1;
    atomic_store(&sleeper, self);
    for (int i = 0; i < rounds; i++) {
        self->request.reason = FIBERS_REASON_PARK;
        self->request.deadline_ns = FIBERS_NO_DEADLINE;
        self->request.park_number = park_begin(self);
        atomic_store(&open_number, self->request.park_number);
        reasons[park_leave(self, FIBERS_REQUEST_PARK)]++;
    }
    atomic_store(&open_number, UINT64_MAX);
}

static void *claim(void *argument)
{
    fibers_wake wake = (fibers_wake)(intptr_t)argument;
    for (uint64_t number, tried = 0; (number = atomic_load(&open_number)) != UINT64_MAX;) {
        if (number == tried)
            continue;
        tried = number;
        if (park_wake(atomic_load(&sleeper), number, wake))
            atomic_fetch_add(&wins[number - first_number], 1);
        park_wake(atomic_load(&sleeper), number - 1, wake); // a late one: must not touch the present park
    }
    return NULL;
}

void topic_wakeups(void)
{
    static _Atomic uint32_t counts[100000];
    wins = counts;
    rounds = check_scaled(sizeof counts / sizeof counts[0]);
    scheduler *s = scheduler_start(2);
    pthread_t threads[WAKERS];
    static const fibers_wake wakes[WAKERS] = {FIBERS_WAKE_UNPARKED, FIBERS_WAKE_TIMEOUT, FIBERS_WAKE_READY, FIBERS_WAKE_CANCELED};
    scheduler_spawn(s, park_again_and_again, NULL);
    for (int64_t limit = now_ns() + 60000000000; atomic_load(&open_number) == 0;)
        REQUIRE("claim", now_ns() < limit);
    for (int i = 0; i < WAKERS; i++)
        REQUIRE("claim", pthread_create(&threads[i], NULL, claim, (void *)(intptr_t)wakes[i]) == 0);
    for (int i = 0; i < WAKERS; i++)
        pthread_join(threads[i], NULL);
    scheduler_stop(s);
    bool exactly_one = true;
    for (int i = 0; i < rounds; i++)
        exactly_one &= atomic_load(&wins[i]) == 1;
    CHECK("claim", exactly_one);
    uint32_t seen = 0;
    for (int i = 0; i < WAKERS; i++)
        seen += reasons[wakes[i]];
    CHECK("claim", seen == (uint32_t)rounds); // every park ended for a reason somebody gave
    printf("  %d parks; won by unpark %u, time-out %u, ready %u, cancel %u\n", rounds, reasons[1], reasons[2], reasons[3], reasons[5]);
}
