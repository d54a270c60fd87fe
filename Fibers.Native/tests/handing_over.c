// One fiber hands its carrier straight to the next: who left, who arrives, and what each finds there.
#include "scheduler.h"

#include <errno.h>
#include <stdlib.h>

#define ROUNDS 20000
#define PLAYERS 3

static fibers_inbox *inbox;
static fibers_stacks *stacks;
static fibers_vthread *players[PLAYERS];
static _Thread_local int own; // each player's number, if thread-locals follow the switch
static int turns, wrong;

// What C# does on arrival (VirtualThread.TakeOver): the request of the one that left is performed here.
static void take_over(fibers_vthread *self, fibers_vthread *expected)
{
    wrong += self->handed_by != expected || self->pinned != 1 || self->carrier->leaving != NULL;
    wrong += atomic_load(&self->carrier->phase) != FIBERS_PHASE_RETURNED || atomic_load(&self->carrier->mounted) != expected;
    wrong += atomic_load(&expected->running_tid) != 0 || expected->request.kind != FIBERS_REQUEST_YIELD;
    wrong += atomic_load(&self->running_tid) != self->carrier->kernel_tid;
    self->handed_by = NULL;
    atomic_store(&self->carrier->mounted, self);
    atomic_store(&self->carrier->phase, FIBERS_PHASE_FIBER);
    self->pinned--;
}

static void play(void *argument)
{
    int me = (int)(intptr_t)argument;
    fibers_vthread *self = fibers_vthread_current();
    fibers_vthread *before = players[(me + PLAYERS - 1) % PLAYERS], *after = players[(me + 1) % PLAYERS];
    if (self->handed_by != NULL)
        take_over(self, before);
    own = errno = me + 1;
    while (turns < ROUNDS) {
        turns++;
        self->pinned++;
        fibers_leave_to(self, FIBERS_REQUEST_YIELD, after);
        if (self->handed_by != NULL)
            take_over(self, before);
        else
            wrong += turns < ROUNDS; // the carrier runs it only when the circle has ended
        wrong += own != me + 1 || errno != me + 1;
    }
    // The last one leaves for good, from the middle of the circle.
    self->pinned++;
    fibers_leave_to(self, FIBERS_REQUEST_YIELD, NULL);
}

void topic_handing_over(void)
{
    inbox = fibers_inbox_create();
    stacks = fibers_stacks_create(TEST_STACK);
    fibers_carrier *carrier = fibers_carrier_attach(inbox);
    REQUIRE("hand over", carrier != NULL);
    for (int i = 0; i < PLAYERS; i++)
        players[i] = vthread_new(stacks, inbox, play, (void *)(intptr_t)i);

    // It begins with the first and ends with another: fibers_run must say with whom.
    fibers_vthread *left = fibers_run(players[0]);
    CHECK("hand over", turns == ROUNDS);
    CHECK("hand over", wrong == 0);
    CHECK("hand over", left == players[ROUNDS % PLAYERS] && left->pinned == 0);
    CHECK("hand over", atomic_load(&carrier->phase) == FIBERS_PHASE_RETURNED && atomic_load(&carrier->mounted) == left);
    CHECK("hand over", atomic_load(&carrier->switches) == ROUNDS + 1);
    CHECK("hand over", atomic_load(&left->running_tid) == 0 && left->request.kind == FIBERS_REQUEST_YIELD);

    // Whoever was handed to once is run the ordinary way as well.
    fibers_vthread *next = fibers_run(left);
    CHECK("hand over", next == left && left->request.kind == FIBERS_REQUEST_FINISHED && left->handed_by == NULL);
    for (int i = 0; i < PLAYERS; i++) {
        if (players[i] != left) {
            fibers_run(players[i]); // out of fibers_leave_to, without a predecessor this time
            CHECK("hand over", players[i]->handed_by == NULL);
        }
    }
    fibers_carrier_detach();
    CHECK("hand over", fibers_vthread_destroy(left) == 0);
    CHECK("hand over", left->carrier == NULL);
}
