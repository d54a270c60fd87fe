// Fibers pass tokens to each other by park and unpark, on several carriers, while timers and other threads join in: no token is
// lost or doubled, and no fiber sleeps on a token for ever.
#include "scheduler.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIBERS = 48, TOKENS = 24, OUTSIDERS = 2, CARRIERS = 4 };

static struct player {
    fibers_vthread *_Atomic vthread;
    _Atomic uint32_t tokens;
    _Atomic uint64_t waiting; // the number it may be parked under
    uint64_t passed;
    unsigned seed;
} players[FIBERS];
static _Atomic int64_t hops_left;
static _Atomic uint32_t tokens_gone, outsider_hops;
static _Atomic uint32_t early, parked;

static void unpark(struct player *player)
{
    fibers_vthread *vthread = atomic_load(&player->vthread);
    if (vthread != NULL)
        park_wake(vthread, atomic_load(&player->waiting), FIBERS_WAKE_UNPARKED);
}

static void hand_on(unsigned *seed)
{
    struct player *next = &players[rand_r(seed) % FIBERS];
    atomic_fetch_add(&next->tokens, 1); // seq_cst; pairs with wait_for_token's look after it published its number
    unpark(next);
}

static bool take(struct player *self)
{
    uint32_t tokens = atomic_load(&self->tokens);
    while (tokens > 0)
        if (atomic_compare_exchange_weak(&self->tokens, &tokens, tokens - 1))
            return true;
    return false;
}

static bool over(void)
{
    return atomic_load(&tokens_gone) == TOKENS;
}

static void wait_for_token(struct player *self, fibers_vthread *me)
{
    me->request.reason = FIBERS_REASON_PARK;
    me->request.deadline_ns = rand_r(&self->seed) % 8 == 0 ? now_ns() + 1000000 : FIBERS_NO_DEADLINE;
    me->request.park_number = park_begin(me);
    atomic_store(&self->waiting, me->request.park_number);
    if (atomic_load(&self->tokens) > 0 || over()) {
        atomic_fetch_add_explicit(&early, 1, memory_order_relaxed);
        park_wake(me, me->request.park_number, FIBERS_WAKE_UNPARKED); // notified before it leaves
    } else {
        atomic_fetch_add_explicit(&parked, 1, memory_order_relaxed);
    }
    park_leave(me, FIBERS_REQUEST_PARK);
}

static void play(void *argument)
{
    struct player *self = argument;
    fibers_vthread *me = fibers_vthread_current();
    atomic_store(&self->vthread, me);
    while (!over()) {
        if (!take(self)) {
            wait_for_token(self, me);
            continue;
        }
        self->passed++;
        if (atomic_fetch_sub(&hops_left, 1) > 0) {
            hand_on(&self->seed);
        } else if (atomic_fetch_add(&tokens_gone, 1) + 1 == TOKENS) {
            for (int i = 0; i < FIBERS; i++)
                unpark(&players[i]);
        }
        if (rand_r(&self->seed) % 16 == 0)
            vthread_yield();
    }
}

// Takes a token from whoever has one and hands it on, from a thread that is no carrier.
static void *meddle(void *argument)
{
    unsigned seed = (unsigned)(intptr_t)argument + 77;
    while (!over()) {
        struct player *victim = &players[rand_r(&seed) % FIBERS];
        if (take(victim)) {
            atomic_fetch_add(&outsider_hops, 1);
            hand_on(&seed);
        }
    }
    return NULL;
}

void topic_storm(void)
{
    int64_t hops = check_scaled(400000);
    atomic_store(&hops_left, hops);
    for (int i = 0; i < TOKENS; i++)
        players[i % FIBERS].tokens++;
    scheduler *s = scheduler_start(CARRIERS);
    REQUIRE("storm", fibers_rescue_start(scheduler_inbox(s), 5000000) == 0);
    for (int i = 0; i < FIBERS; i++) {
        players[i].seed = (unsigned)i + 1;
        scheduler_spawn(s, play, &players[i]);
    }
    pthread_t outsiders[OUTSIDERS];
    for (int i = 0; i < OUTSIDERS; i++)
        REQUIRE("storm", pthread_create(&outsiders[i], NULL, meddle, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < OUTSIDERS; i++)
        pthread_join(outsiders[i], NULL);
    scheduler_stop(s);
    uint64_t passed = 0;
    uint32_t left = 0;
    for (int i = 0; i < FIBERS; i++) {
        passed += players[i].passed;
        left += atomic_load(&players[i].tokens);
    }
    CHECK("storm", passed == (uint64_t)hops + TOKENS); // every hop once, and once more for each token's end
    CHECK("storm", left == 0);
    CHECK("storm", atomic_load(&parked) > 0);
    printf("  %llu hops, %u of outsiders, %u parks, %u notified before leaving\n", (unsigned long long)passed, atomic_load(&outsider_hops), atomic_load(&parked), atomic_load(&early));
}
