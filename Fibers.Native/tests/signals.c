// The suspension signal: it reaches the fiber where it runs now, or is owed to it until it runs again.
#include "suspension.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

void ignore_suspension(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
}

void redirect_everything(void (*handler)(int, siginfo_t *, void *))
{
    char reason[200] = "";
    REQUIRE("redirect", fibers_redirect_install(reason, sizeof reason) == ENOTSUP); // nobody handles the signal yet
    CHECK("redirect", reason[0] != '\0');
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    REQUIRE("redirect", fibers_redirect_install(reason, sizeof reason) == 0);
}

static int (*kill_fiber)(pthread_t, int);

// ---- one fiber, one carrier: where does it arrive? ----------------------------------------------------------------

static fibers_inbox *inbox;
static pthread_t fiber_thread;
static _Atomic uint32_t arrived, started, depth_seen;
static fibers_vthread *_Atomic arrived_on;

static void note_arrival(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    fibers_vthread *self = fibers_vthread_current();
    atomic_store(&arrived_on, self);
    if (self != NULL) {
        atomic_store(&depth_seen, self->handler_depth);
        uint64_t switches = atomic_load(&self->carrier->switches);
        sched_yield(); // redirected: must not leave from inside a handler
        CHECK("handler", fibers_vthread_current() == self && atomic_load(&self->carrier->switches) == switches);
        CHECK("handler", self->request.reason != FIBERS_REASON_YIELD);
    }
    atomic_fetch_add(&arrived, 1);
}

static void spin_until_signalled(void *unused)
{
    (void)unused;
    fiber_thread = pthread_self();
    vthread_yield();
    atomic_store(&started, 1);
    while (atomic_load(&arrived) == 0) {
    }
}

static void *carry(void *vthread)
{
    REQUIRE("run", fibers_carrier_attach(inbox) != NULL);
    fibers_run(vthread);
    fibers_carrier_detach();
    return NULL;
}

static void arrives_on_the_running_fiber(void)
{
    inbox = fibers_inbox_create();
    fibers_stacks *stacks = fibers_stacks_create(TEST_STACK);
    fibers_carrier *carrier = fibers_carrier_attach(inbox);
    REQUIRE("run", carrier != NULL);
    fibers_vthread *vthread = vthread_new(stacks, inbox, spin_until_signalled, NULL);
    fibers_run(vthread);
    CHECK("owed", kill_fiber(fiber_thread, SIGRTMIN) == ESRCH); // parked: the runtime is told to try again
    CHECK("owed", kill_fiber(fiber_thread, 0) == ESRCH);
    CHECK("owed", atomic_load(&vthread->signal_owed) == 0 && atomic_load(&arrived) == 0);
    pthread_t thread;
    REQUIRE("run", pthread_create(&thread, NULL, carry, vthread) == 0);
    check_await("owed", &started, 1);
    CHECK("owed", kill_fiber(fiber_thread, 0) == 0);
    CHECK("owed", kill_fiber(fiber_thread, SIGRTMIN) == 0);
    pthread_join(thread, NULL);
    CHECK("owed", atomic_load(&arrived) == 1 && atomic_load(&arrived_on) == vthread);
    CHECK("handler", atomic_load(&depth_seen) == 1 && vthread->handler_depth == 0);
    CHECK("owed", atomic_load(&vthread->signal_owed) == 0);

    // Owed when it is switched in, because it was sent to the former carrier.
    atomic_store(&arrived, 0);
    atomic_store(&vthread->signal_owed, 1);
    vthread_again(vthread, spin_until_signalled, NULL);
    fibers_run(vthread);
    CHECK("owed", atomic_load(&arrived) == 1 && atomic_load(&arrived_on) == vthread);
    CHECK("owed", atomic_load(&vthread->signal_owed) == 0);
    fibers_run(vthread);
    // A carrier is owed one while a fiber runs on it: paid when it is a carrier again.
    atomic_store(&arrived, 0);
    atomic_store(&carrier->signal_owed, 1);
    vthread_again(vthread, spin_until_signalled, NULL);
    fibers_run(vthread);
    CHECK("owed", atomic_load(&arrived) == 1 && atomic_load(&arrived_on) == NULL);
    CHECK("owed", atomic_load(&carrier->signal_owed) == 0);
    atomic_store(&arrived, 1);
    fibers_run(vthread);
    CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}

// ---- fibers that hop between carriers, and a runtime that suspends them -----------------------------------------------

enum { FIBERS = 8, CARRIERS = 3 };

static struct suspended {
    fibers_vthread *_Atomic vthread;
    pthread_t thread;
    _Atomic uint32_t pending; // as in the runtime: set by the sender, cleared by the handler alone, or after ESRCH
    _Atomic uint32_t handled;
    uint64_t hops;
} suspended[FIBERS];
static _Atomic uint32_t ready, stopping;

static void clear_pending(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    fibers_vthread *self = fibers_vthread_current();
    for (int i = 0; self != NULL && i < FIBERS; i++)
        if (atomic_load(&suspended[i].vthread) == self) {
            atomic_store(&suspended[i].pending, 0);
            atomic_fetch_add(&suspended[i].handled, 1);
        }
}

static void hop(void *argument)
{
    struct suspended *self = argument;
    self->thread = pthread_self();
    atomic_store(&self->vthread, fibers_vthread_current());
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&stopping) == 0) {
        self->hops++;
        vthread_yield();
    }
    // The tight loop that would hang every collection if a signal were lost.
    for (int64_t limit = now_ns() + 30000000000; atomic_load(&self->pending) != 0 && now_ns() < limit;) {
    }
    CHECK("owed", atomic_load(&self->pending) == 0);
}

static void none_is_lost(void)
{
    scheduler *s = scheduler_start(CARRIERS);
    for (int i = 0; i < FIBERS; i++)
        scheduler_spawn(s, hop, &suspended[i]);
    check_await("owed", &ready, FIBERS);
    uint32_t sent = 0, refused = 0;
    unsigned seed = 1;
    for (int64_t until = now_ns() + (check_emulated() ? 1500 : 1000) * 1000000ll; now_ns() < until;) {
        struct suspended *target = &suspended[rand_r(&seed) % FIBERS];
        if (atomic_exchange(&target->pending, 1) != 0)
            continue;
        if (kill_fiber(target->thread, SIGRTMIN) == 0) {
            sent++;
        } else {
            atomic_store(&target->pending, 0);
            refused++;
        }
    }
    atomic_store(&stopping, 1);
    scheduler_stop(s);
    uint64_t handled = 0, hops = 0;
    for (int i = 0; i < FIBERS; i++) {
        handled += atomic_load(&suspended[i].handled);
        hops += suspended[i].hops;
    }
    printf("  %u signals sent, %u refused, %llu handled, %llu hops\n", sent, refused, (unsigned long long)handled, (unsigned long long)hops);
    CHECK("owed", sent > 0 && refused > 0 && hops > 0);
    CHECK("owed", handled >= sent);
}

void topic_signals(void)
{
    redirect_everything(note_arrival);
    kill_fiber = fibers_redirect_lookup("pthread_kill");
    arrives_on_the_running_fiber();
}

void topic_suspension(void)
{
    redirect_everything(clear_pending);
    kill_fiber = fibers_redirect_lookup("pthread_kill");
    none_is_lost();
}
