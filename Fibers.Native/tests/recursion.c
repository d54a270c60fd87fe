// Deep recursion on a fiber, with a switch in every frame, on the way down and on the way up.
#include "scheduler.h"

#include <alloca.h>

#define DEEP_STACK (1024 * 1024)

static fibers_stacks *stacks;
static uintptr_t deepest;

static uint64_t __attribute__((noinline)) descend(int depth, uint64_t seed)
{
    volatile uint64_t locals[16];
    for (int i = 0; i < 16; i++)
        locals[i] = seed + (uint64_t)i;
    deepest = (uintptr_t)locals;
    vthread_yield();
    uint64_t below = depth > 0 ? descend(depth - 1, seed * 31 + 7) : 0;
    vthread_yield();
    uint64_t sum = below;
    for (int i = 0; i < 16; i++)
        sum += locals[i];
    return sum;
}

static uint64_t expected(int depth, uint64_t seed)
{
    return 16 * seed + 120 + (depth > 0 ? expected(depth - 1, seed * 31 + 7) : 0);
}

struct dive {
    int depth;
    uint64_t seed, result;
    bool done;
};

static void dive(void *argument)
{
    struct dive *dive = argument;
    dive->result = descend(dive->depth, dive->seed);
    dive->done = true;
}

void topic_recursion(void)
{
    stacks = fibers_stacks_create(DEEP_STACK);
    fibers_inbox *inbox = fibers_inbox_create();
    REQUIRE("recursion", fibers_carrier_attach(inbox) != NULL);
    enum { DIVERS = 3 };
    struct dive dives[DIVERS];
    fibers_vthread *vthreads[DIVERS];
    for (int i = 0; i < DIVERS; i++) {
        dives[i] = (struct dive){check_scaled(2000), (uint64_t)i + 1, 0, false};
        vthreads[i] = vthread_new(stacks, inbox, dive, &dives[i]);
    }
    for (bool running = true; running;) {
        running = false;
        for (int i = 0; i < DIVERS; i++)
            if (!dives[i].done) {
                fibers_run(vthreads[i]);
                running = true;
            }
    }
    for (int i = 0; i < DIVERS; i++) {
        CHECK("recursion", dives[i].result == expected(dives[i].depth, dives[i].seed));
        dives[i] = (struct dive){10, 5, 0, false};
        vthread_again(vthreads[i], dive, &dives[i]);
        while (!dives[i].done)
            fibers_run(vthreads[i]);
        CHECK("recursion", dives[i].result == expected(10, 5));
        CHECK("destroy", fibers_vthread_destroy(vthreads[i]) == 0);
    }
    CHECK("recursion", deepest != 0);
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}
