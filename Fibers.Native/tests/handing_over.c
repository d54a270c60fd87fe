// One fiber hands its carrier straight to the next: who left, who arrives, and what each finds there. Then the same for fibers that
// lie in a queue before they have left, where another carrier finds them too soon.
#include "scheduler.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 20000
#define TURNS 1000000
#define PLAYERS 3
#define CARRIERS 2

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

static void hand_over_in_a_circle(void)
{
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

// ---- giving way -----------------------------------------------------------------------------------------

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static fibers_vthread *queue[PLAYERS];
static int queued;
static _Atomic int taken, finished, early, broken;

static void push(fibers_vthread *vthread)
{
    pthread_mutex_lock(&queue_lock);
    queue[queued++] = vthread;
    pthread_mutex_unlock(&queue_lock);
}

// The newest, so that one is often found that has not left yet.
static fibers_vthread *pop(void)
{
    pthread_mutex_lock(&queue_lock);
    fibers_vthread *vthread = queued > 0 ? queue[--queued] : NULL;
    pthread_mutex_unlock(&queue_lock);
    if (vthread != NULL && atomic_load_explicit(&vthread->context.occupied, memory_order_acquire))
        atomic_fetch_add(&early, 1);
    while (vthread != NULL && atomic_load_explicit(&vthread->context.occupied, memory_order_acquire))
        sched_yield();
    return vthread;
}

static void give_way(void *argument)
{
    int me = (int)(intptr_t)argument;
    fibers_vthread *self = fibers_vthread_current();
    own = me;
    self->pinned++; // also for the lock of the queue
    while (atomic_fetch_add(&taken, 1) < TURNS) {
        fibers_vthread *next = pop();
        if (next == NULL)
            continue;
        atomic_store(&self->context.occupied, 1);
        push(self);
        fibers_leave_to(self, FIBERS_REQUEST_NONE, next);
        self->pinned++;
        bool arrived = self->handed_by == NULL && self->carrier->leaving == NULL && atomic_load(&self->carrier->mounted) == self &&
                       atomic_load(&self->running_tid) == self->carrier->kernel_tid && atomic_load(&self->carrier->phase) == FIBERS_PHASE_FIBER;
        if (own != me || !arrived)
            atomic_fetch_add(&broken, 1);
    }
    self->pinned--;
}

static void *carry(void *unused)
{
    (void)unused;
    fibers_carrier_attach(inbox);
    while (atomic_load(&finished) < PLAYERS) {
        fibers_vthread *next = pop();
        if (next == NULL)
            sched_yield();
        else if (fibers_run(next)->request.kind == FIBERS_REQUEST_FINISHED)
            atomic_fetch_add(&finished, 1);
    }
    fibers_carrier_detach();
    return NULL;
}

static void give_way_among_carriers(void)
{
    for (int i = 0; i < PLAYERS; i++)
        push(players[i] = vthread_new(stacks, inbox, give_way, (void *)(intptr_t)i));
    pthread_t threads[CARRIERS];
    for (int i = 0; i < CARRIERS; i++)
        REQUIRE("give way", pthread_create(&threads[i], NULL, carry, NULL) == 0);
    for (int i = 0; i < CARRIERS; i++)
        pthread_join(threads[i], NULL);
    CHECK("give way", atomic_load(&finished) == PLAYERS && atomic_load(&broken) == 0);
    printf("       %d of %d were found before they had left\n", atomic_load(&early), TURNS);
    for (int i = 0; i < PLAYERS; i++)
        CHECK("give way", fibers_vthread_destroy(players[i]) == 0);
}

void topic_handing_over(void)
{
    inbox = fibers_inbox_create();
    stacks = fibers_stacks_create(TEST_STACK);
    hand_over_in_a_circle();
    give_way_among_carriers();
}
