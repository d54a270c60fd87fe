// The rescue carrier runs woken fibers while every carrier is stuck, and the carriers get them back; no fiber runs twice.
#include "scheduler.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_NS 1000000

static fibers_inbox *inbox;
static scheduler *current;
static _Atomic uint32_t stall, stalled, release; // the hook: be stuck, is stuck, be stuck no longer

static void stuck(fibers_carrier *carrier, fibers_vthread *vthread)
{
    (void)vthread;
    if (atomic_exchange(&stall, 0) == 0)
        return;
    CHECK("rescue", atomic_load(&carrier->phase) == FIBERS_PHASE_RETURNED);
    atomic_store(&stalled, 1);
    check_await("rescue", &release, 1);
}

static struct patient {
    fibers_vthread *_Atomic vthread;
    _Atomic uint64_t number;
    _Atomic uint32_t runs;
    int rounds;
    int64_t deadline_ns;
} patient, other;

static void park_in_rounds(void *argument)
{
    struct patient *self = argument;
    fibers_vthread *me = fibers_vthread_current();
    atomic_store(&self->vthread, me);
    for (int i = 0; i < self->rounds; i++) {
        me->request.reason = FIBERS_REASON_PARK;
        me->request.deadline_ns = self->deadline_ns;
        me->request.park_number = park_begin(me);
        atomic_store(&self->number, me->request.park_number);
        park_leave(me, FIBERS_REQUEST_PARK);
        atomic_fetch_add(&self->runs, 1);
    }
}

static void begin(int carriers)
{
    current = scheduler_start(carriers);
    inbox = scheduler_inbox(current);
    scheduler_on_return(current, stuck);
    REQUIRE("rescue", fibers_rescue_start(inbox, LOOK_NS) == 0);
}

static void await_looks(void) // several, with the carriers still stuck
{
    for (int64_t until = now_ns() + 6 * LOOK_NS; now_ns() < until;)
        usleep(200);
}

static void await_state(struct patient *p, fibers_park_state state)
{
    for (int64_t limit = now_ns() + 60000000000;; usleep(100)) {
        fibers_vthread *vthread = atomic_load(&p->vthread);
        if (vthread != NULL && FIBERS_PARK_STATE(atomic_load(&vthread->park_word)) == state)
            return;
        REQUIRE("rescue", now_ns() < limit);
    }
}

// The carrier is stuck with the very fiber that is woken: the settle protocol.
static void takes_the_fiber_its_carrier_is_stuck_with(void)
{
    begin(1);
    atomic_store(&stalled, 0), atomic_store(&release, 0), atomic_store(&stall, 1);
    patient = (struct patient){.rounds = 3, .deadline_ns = FIBERS_NO_DEADLINE};
    scheduler_spawn(current, park_in_rounds, &patient);
    check_await("rescue", &stalled, 1);
    CHECK("rescue", atomic_load(&patient.runs) == 0);
    uint64_t before = atomic_load(&patient.number);
    CHECK("settle", park_wake(patient.vthread, before, FIBERS_WAKE_UNPARKED));
    check_await("settle", &patient.runs, 1); // on the rescue carrier, its own being stuck
    for (int64_t limit = now_ns() + 60000000000; atomic_load(&patient.number) == before; usleep(100))
        REQUIRE("settle", now_ns() < limit); // it parks again
    CHECK("rescue", atomic_load(&inbox->rescued) == 1);
    // It left again there. Woken once more while the carrier is still stuck, and several looks later:
    uint64_t first = atomic_load(&patient.number);
    CHECK("settle", park_wake(patient.vthread, first, FIBERS_WAKE_UNPARKED));
    check_await("settle", &patient.runs, 2);
    await_looks();
    atomic_store(&release, 1);
    await_state(&patient, FIBERS_PARKED); // handed over, and its request performed once, by a carrier
    CHECK("settle", atomic_load(&patient.runs) == 2);
    CHECK("settle", park_wake(patient.vthread, patient.number, FIBERS_WAKE_UNPARKED));
    scheduler_wait(current);
    CHECK("settle", atomic_load(&patient.runs) == 3);
    scheduler_stop(current);
}

// The carrier is stuck with one fiber while another is woken natively.
static void runs_what_is_in_the_inbox(void)
{
    begin(1);
    atomic_store(&stalled, 0), atomic_store(&release, 0);
    patient = (struct patient){.rounds = 2, .deadline_ns = FIBERS_NO_DEADLINE};
    scheduler_spawn(current, park_in_rounds, &patient);
    await_state(&patient, FIBERS_PARKED);
    atomic_store(&stall, 1);
    other = (struct patient){.rounds = 1, .deadline_ns = FIBERS_NO_DEADLINE};
    scheduler_spawn(current, park_in_rounds, &other);
    check_await("rescue", &stalled, 1);
    CHECK("rescue", park_wake(patient.vthread, patient.number, FIBERS_WAKE_UNPARKED));
    check_await("rescue", &patient.runs, 1);
    CHECK("rescue", atomic_load(&other.runs) == 0);
    await_looks();
    atomic_store(&release, 1);
    await_state(&other, FIBERS_PARKED);
    CHECK("rescue", park_wake(other.vthread, other.number, FIBERS_WAKE_UNPARKED));
    await_state(&patient, FIBERS_PARKED);
    CHECK("rescue", park_wake(patient.vthread, patient.number, FIBERS_WAKE_UNPARKED));
    scheduler_wait(current);
    CHECK("rescue", atomic_load(&patient.runs) == 2 && atomic_load(&other.runs) == 1);
    scheduler_stop(current);
}

// One that only yields, and one whose deadline passes, both caught with their carrier.
static void yields_and_deadlines(void)
{
    begin(1);
    atomic_store(&stalled, 0), atomic_store(&release, 0), atomic_store(&stall, 1);
    patient = (struct patient){.rounds = 1, .deadline_ns = now_ns()};
    scheduler_spawn(current, park_in_rounds, &patient);
    check_await("rescue", &stalled, 1);
    check_await("deadline", &patient.runs, 1);
    await_looks();
    atomic_store(&release, 1);
    scheduler_stop(current);
    CHECK("deadline", atomic_load(&patient.runs) == 1);
}

// ---- a fiber that spins, yielding, until another has run; both in the rescue carrier's hands ---------------------------

static _Atomic uint32_t flag, gave_up;

static void yield_until_flag(void *unused)
{
    (void)unused;
    for (int64_t limit = now_ns() + 20000000000; atomic_load(&flag) == 0; vthread_yield())
        if (now_ns() > limit) {
            atomic_store(&gave_up, 1);
            return;
        }
}

static void set_flag_after_deadline(void *unused)
{
    (void)unused;
    fibers_vthread *me = fibers_vthread_current();
    me->request.reason = FIBERS_REASON_SLEEP;
    me->request.deadline_ns = now_ns() + 20 * LOOK_NS;
    me->request.park_number = park_begin(me);
    park_leave(me, FIBERS_REQUEST_PARK);
    atomic_store(&flag, 1);
}

static void a_yielding_fiber_starves_nobody(void)
{
    begin(2);
    atomic_store(&stalled, 0), atomic_store(&release, 0), atomic_store(&stall, 1);
    scheduler_spawn(current, yield_until_flag, NULL); // taken while it yields
    check_await("rescue", &stalled, 1);
    atomic_store(&stalled, 0), atomic_store(&stall, 1);
    scheduler_spawn(current, set_flag_after_deadline, NULL);
    check_await("rescue", &stalled, 1); // both carriers are stuck now
    check_await("yield", &flag, 1);
    atomic_store(&release, 1);
    scheduler_stop(current);
    CHECK("yield", atomic_load(&gave_up) == 0);
}

// ---- provoked at random -------------------------------------------------------------------------------------------

enum { FIBERS = 12, CARRIERS = 2 };
#define LONG_NS (12 * LOOK_NS)

static struct ring {
    fibers_vthread *_Atomic vthread;
    _Atomic uint64_t number;
    _Atomic uint32_t tokens;
    _Atomic uint32_t inside; // 1 while it runs: never twice at once
    uint64_t taken;
} ring[FIBERS];
static _Atomic int64_t left;
static _Atomic uint32_t twice, over;
static uint32_t settles_wanted;
static _Thread_local unsigned seed;

// Stuck until the rescue carrier has run something, at most LONG_NS; and half of the times for a few looks more.
static void stall_at_random(fibers_carrier *carrier, fibers_vthread *vthread)
{
    (void)vthread;
    if (seed == 0)
        seed = (unsigned)(uintptr_t)carrier;
    unsigned draw = (unsigned)rand_r(&seed) >> 4;
    if (draw % 16 != 0)
        return;
    uint64_t before = atomic_load(&inbox->rescued);
    for (int64_t until = now_ns() + LONG_NS; atomic_load(&inbox->rescued) == before && now_ns() < until;)
        usleep(100);
    if (draw % 128 == 0)
        await_looks();
}

static void pass_round(void *argument)
{
    struct ring *self = argument, *next = self + 1 == ring + FIBERS ? ring : self + 1;
    fibers_vthread *me = fibers_vthread_current();
    atomic_store(&self->vthread, me);
    while (atomic_load(&over) == 0 && (atomic_load(&left) > 0 || scheduler_settled(current) < settles_wanted)) {
        me->request.reason = FIBERS_REASON_PARK;
        me->request.deadline_ns = self->taken % 4 == 0 ? now_ns() + LOOK_NS : FIBERS_NO_DEADLINE;
        me->request.park_number = park_begin(me);
        atomic_store(&self->number, me->request.park_number);
        if (atomic_load(&self->tokens) > 0 || atomic_load(&over) != 0)
            park_wake(me, me->request.park_number, FIBERS_WAKE_UNPARKED);
        atomic_store(&self->inside, 0);
        park_leave(me, FIBERS_REQUEST_PARK);
        atomic_fetch_add(&twice, atomic_exchange(&self->inside, 1));
        if (self->taken % 5 == 0)
            vthread_yield();
        while (atomic_load(&self->tokens) > 0) {
            atomic_fetch_sub(&self->tokens, 1);
            self->taken++;
            atomic_fetch_sub(&left, 1);
            atomic_fetch_add(&next->tokens, 1);
            if (atomic_load(&next->vthread) != NULL)
                park_wake(atomic_load(&next->vthread), atomic_load(&next->number), FIBERS_WAKE_UNPARKED);
        }
    }
    atomic_store(&over, 1);
    for (int i = 0; i < FIBERS; i++)
        if (atomic_load(&ring[i].vthread) != NULL)
            park_wake(atomic_load(&ring[i].vthread), atomic_load(&ring[i].number), FIBERS_WAKE_UNPARKED);
}

static void settle_many_times(void)
{
    begin(CARRIERS);
    scheduler_on_return(current, stall_at_random);
    atomic_store(&left, check_scaled(20000));
    settles_wanted = (uint32_t)check_scaled(200);
    for (int i = 0; i < 4; i++)
        atomic_store(&ring[i * 3].tokens, 1);
    for (int i = 0; i < FIBERS; i++)
        scheduler_spawn(current, pass_round, &ring[i]);
    scheduler_wait(current);
    uint64_t rescued = atomic_load(&inbox->rescued), taken = 0;
    uint32_t tokens = 0;
    for (int i = 0; i < FIBERS; i++) {
        taken += ring[i].taken;
        tokens += atomic_load(&ring[i].tokens);
    }
    printf("  %llu hops, the rescue carrier ran a fiber %llu times, carriers had to give theirs up %u times\n", (unsigned long long)taken, (unsigned long long)rescued, scheduler_settled(current));
    CHECK("settle", tokens == 4);
    CHECK("settle", atomic_load(&twice) == 0);
    CHECK("settle", rescued >= settles_wanted && scheduler_settled(current) >= settles_wanted);
    CHECK("settle", taken >= (uint64_t)check_scaled(20000));
    scheduler_stop(current);
}

// ---- stopping ------------------------------------------------------------------------------------------------------

// There is no carrier, so whoever dozes does so for good.
static void stops_whenever_it_is_told(void)
{
    fibers_inbox *alone = fibers_inbox_create();
    _Atomic uint32_t stop = 1; // set, and all roused, just before the doze
    fibers_rouse(alone);
    fibers_doze(alone, FIBERS_DOZE_RESCUE, -1, &stop);
    for (int i = 0; i < check_scaled(1000); i++) {
        REQUIRE("stop", fibers_rescue_start(alone, LOOK_NS) == 0);
        for (volatile int spin = rand() % 60000; spin > 0; spin--) {
        }
        fibers_rescue_stop(alone);
    }
    CHECK("stop", atomic_load(&alone->dozing) == 0);
    fibers_inbox_destroy(alone);
}

void topic_rescue(void)
{
    stops_whenever_it_is_told();
    takes_the_fiber_its_carrier_is_stuck_with();
    runs_what_is_in_the_inbox();
    yields_and_deadlines();
    a_yielding_fiber_starves_nobody();
    settle_many_times();
}
