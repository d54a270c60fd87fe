// The rescue carrier: one purely native thread that runs fibers when every carrier is stuck.
//
// A carrier that comes back from a fiber enters managed code, and there it may have to wait: for the end of
// a collection, or for a native lock of the runtime. If what it waits for needs a fiber that is parked, and
// that was woken meanwhile, nobody would be left to run it. This thread never enters managed code of its own,
// so it cannot be stopped that way. It looks every `stuck_after`, and acts only when no carrier has moved in
// between:
//
//   1. fibers in the inbox (natively woken),
//   2. fibers whose deadline has passed while they wait in the runtime,
//   3. a fiber that has left a stuck carrier, whose request the carrier could not perform yet, and that has
//      been woken already.
//
// It must not perform requests (that is C#). A fiber that leaves again is kept here until it is woken, or
// handed to the carriers through the inbox, marked `uncommitted`, as soon as one of them moves.
//
// Taking a fiber from a stuck carrier (3) races with the carrier coming back to life:
//   rescuer   takes the lock, sets `contested`, process-wide barrier, then looks at `phase`.
//   carrier   leaves FIBERS_PHASE_RETURNED (ParkCommit.cs), then looks at `contested`; if set, it takes the lock
//             (fibers_rescue_settle) and asks whether `mounted` is still its own.
// One of the two sees the other, and the lock decides. The table of park states is in fibers.h; its C# half
// is Parking/ParkCommit.cs.
#include "internal.h"

#include <linux/membarrier.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALTERNATE_STACK 65536
#define MAX_HELD 1024

struct rescue {
    fibers_inbox *inbox;
    int64_t stuck_after_ns;
    pthread_t thread;
    pthread_mutex_t lock;     // the settle protocol
    _Atomic uint32_t stop;    // futex
    fibers_carrier *self;
    uint64_t progress_before; // sum over carriers at the last look
    fibers_vthread *held[MAX_HELD]; // left again on this thread; requests not performed
    int held_count;
};

// Changes whenever any carrier does anything: runs a fiber, or goes to sleep. Stuck: nobody idle, sum unchanged.
static bool carriers_stuck(struct rescue *rescue)
{
    uint64_t progress = 0;
    bool someone_idle = false, someone_there = false;
    for (fibers_carrier *c = atomic_load(&rescue->inbox->carriers); c != NULL; c = c->next) {
        uint32_t phase = atomic_load(&c->phase);
        if (c->rescuer || phase == FIBERS_PHASE_GONE)
            continue;
        someone_there = true;
        someone_idle |= phase == FIBERS_PHASE_IDLE;
        progress += atomic_load(&c->switches) * 8 + phase;
    }
    bool moved = progress != rescue->progress_before;
    rescue->progress_before = progress;
    return someone_there && !someone_idle && !moved;
}

// Ready to run although nobody has performed its request: it only yielded, was woken, or is past its deadline.
static bool claim_uncommitted(fibers_vthread *vthread, int64_t now)
{
    if (vthread->request.kind == FIBERS_REQUEST_YIELD)
        return true; // nobody else can claim it: only its carrier knows it, and that is settled by the caller
    uint64_t word = atomic_load(&vthread->park_word);
    uint64_t number = FIBERS_PARK_NUMBER(word);
    if (FIBERS_PARK_STATE(word) == FIBERS_NOTIFIED)
        return atomic_compare_exchange_strong(&vthread->park_word, &word, FIBERS_PARK_WORD(number, FIBERS_PARK_WAKE(word), FIBERS_RUNNABLE));
    if (FIBERS_PARK_STATE(word) == FIBERS_PARKING && vthread->request.kind == FIBERS_REQUEST_PARK && vthread->request.deadline_ns <= now)
        return atomic_compare_exchange_strong(&vthread->park_word, &word, FIBERS_PARK_WORD(number, FIBERS_WAKE_TIMEOUT, FIBERS_RUNNABLE));
    return false;
}

static void run(struct rescue *rescue, fibers_vthread *vthread)
{
    atomic_fetch_add(&rescue->inbox->rescued, 1);
    fibers_run(vthread);
    vthread->uncommitted = 1;
    atomic_store(&rescue->self->mounted, NULL);
    if (rescue->held_count < MAX_HELD)
        rescue->held[rescue->held_count++] = vthread;
    else
        fibers_inbox_push(rescue->inbox, vthread);
}

static void run_held(struct rescue *rescue, int64_t now)
{
    for (int i = 0; i < rescue->held_count; i++) {
        fibers_vthread *vthread = rescue->held[i];
        if (!claim_uncommitted(vthread, now))
            continue;
        rescue->held[i--] = rescue->held[--rescue->held_count];
        vthread->uncommitted = 0;
        run(rescue, vthread);
    }
}

static void hand_over_held(struct rescue *rescue)
{
    while (rescue->held_count > 0)
        fibers_inbox_push(rescue->inbox, rescue->held[--rescue->held_count]);
}

static void run_inbox(struct rescue *rescue)
{
    fibers_vthread *list = atomic_exchange_explicit(&rescue->inbox->head, NULL, memory_order_acquire);
    while (list != NULL) {
        fibers_vthread *vthread = list;
        list = list->inbox_next;
        if (vthread->uncommitted) {
            if (rescue->held_count < MAX_HELD)
                rescue->held[rescue->held_count++] = vthread;
            else
                fibers_inbox_push(rescue->inbox, vthread);
        } else {
            run(rescue, vthread);
        }
    }
}

static fibers_vthread *take_from(struct rescue *rescue, fibers_carrier *carrier, int64_t now)
{
    fibers_vthread *taken = NULL;
    pthread_mutex_lock(&rescue->lock);
    if (atomic_load(&carrier->contested) != 0) {
        pthread_mutex_unlock(&rescue->lock);
        return NULL; // a fiber of its was taken, and it has not noticed yet: the mark must stay until it asks
    }
    atomic_store(&carrier->contested, 1);
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    fibers_vthread *vthread = atomic_load(&carrier->mounted);
    if (atomic_load(&carrier->phase) == FIBERS_PHASE_RETURNED && vthread != NULL && claim_uncommitted(vthread, now)) {
        atomic_store(&carrier->mounted, NULL);
        taken = vthread;
    } else {
        atomic_store(&carrier->contested, 0);
    }
    pthread_mutex_unlock(&rescue->lock);
    return taken;
}

int fibers_rescue_settle(fibers_carrier *carrier)
{
    struct rescue *rescue = carrier->inbox->rescue;
    pthread_mutex_lock(&rescue->lock);
    int taken = atomic_load(&carrier->mounted) == NULL;
    atomic_store(&carrier->contested, 0);
    pthread_mutex_unlock(&rescue->lock);
    return taken;
}

static void look(struct rescue *rescue)
{
    if (!carriers_stuck(rescue)) {
        hand_over_held(rescue);
        return;
    }
    int64_t now = now_ns();
    run_inbox(rescue);
    for (fibers_vthread *expired; (expired = fibers_waits_expired(rescue->inbox, now)) != NULL;)
        run(rescue, expired);
    for (fibers_carrier *c = atomic_load(&rescue->inbox->carriers); c != NULL; c = c->next) {
        fibers_vthread *taken = c->rescuer ? NULL : take_from(rescue, c, now);
        if (taken != NULL)
            run(rescue, taken);
    }
    run_held(rescue, now_ns());
}

static void *rescue_main(void *argument)
{
    struct rescue *rescue = argument;
    stack_t alternate = {.ss_sp = malloc(ALTERNATE_STACK), .ss_size = ALTERNATE_STACK}; // for the runtime's stack-overflow report
    if (alternate.ss_sp != NULL)
        sigaltstack(&alternate, NULL);
    rescue->self = fibers_carrier_attach(rescue->inbox);
    if (rescue->self == NULL)
        return NULL;
    rescue->self->rescuer = 1;
    atomic_store(&rescue->self->phase, FIBERS_PHASE_IDLE);
    rescue->self->index = UINT32_MAX; // fibers it runs have no C# carrier to push to
    while (atomic_load(&rescue->stop) == 0) {
        // Asleep for good while every carrier is idle; then it looks at intervals.
        if (rescue->held_count == 0)
            fibers_doze(rescue->inbox, FIBERS_DOZE_RESCUE, -1);
        fibers_futex_wait(&rescue->stop, 0, rescue->stuck_after_ns);
        look(rescue);
    }
    hand_over_held(rescue);
    fibers_carrier_detach();
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    free(alternate.ss_sp);
    return NULL;
}

int fibers_rescue_start(fibers_inbox *inbox, int64_t stuck_after_ns)
{
    struct rescue *rescue = calloc(1, sizeof *rescue);
    if (rescue == NULL)
        return ENOMEM;
    rescue->inbox = inbox;
    rescue->stuck_after_ns = stuck_after_ns;
    pthread_mutex_init(&rescue->lock, NULL);
    inbox->rescue = rescue;
    int error = pthread_create(&rescue->thread, NULL, rescue_main, rescue);
    if (error != 0) {
        inbox->rescue = NULL;
        free(rescue);
    }
    return error;
}

void fibers_rescue_stop(fibers_inbox *inbox)
{
    struct rescue *rescue = inbox->rescue;
    if (rescue == NULL)
        return;
    atomic_store(&rescue->stop, 1);
    fibers_futex_wake(&rescue->stop, 1);
    fibers_rouse(inbox);
    pthread_join(rescue->thread, NULL);
    inbox->rescue = NULL;
    pthread_mutex_destroy(&rescue->lock);
    free(rescue);
}
