// The rescue carrier: one purely native thread that runs fibers when every carrier is stuck.
//
// A carrier that comes back from a fiber enters managed code, and there it may have to wait: for the end of
// a collection, or for a native lock of the runtime. If what it waits for needs a fiber that is parked, and
// that was woken meanwhile, nobody would be left to run it. This thread never enters managed code of its own,
// so it cannot be stopped that way. It looks every `stuck_after`, and acts only when no carrier has moved in
// several looks, though there is work or nobody idle:
//
//   1. fibers in the inbox (natively woken),
//   2. fibers whose deadline has passed while they wait in the runtime,
//   3. a fiber that has left a stuck carrier, whose request the carrier could not perform yet, and that has
//      been woken already.
//
// It must not perform requests (that is C#). A fiber that leaves again goes to the inbox, marked `uncommitted`:
// the first carrier that moves performs its request; until then it is looked at here as under 3. Nothing is kept
// anywhere else, and one fiber is run at a time: it may compute or block for long, on this thread, and whatever
// else had been taken off the inbox by then would wait for it although the carriers move again.
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
#define STUCK_LOOKS 3

struct rescue {
    fibers_inbox *inbox;
    int64_t stuck_after_ns;
    pthread_t thread;
    pthread_mutex_t lock;     // the settle protocol
    _Atomic uint32_t stop;    // futex
    fibers_carrier *self;
    uint64_t progress_before; // sum over carriers at the last look
};

// Stuck: for a whole look no carrier has done anything, though one of them should have: no one is idle, or there is work all the same. Then
// whoever was woken for it waits on its way into managed code, and only he could wake the others.
static bool carriers_stuck(struct rescue *rescue)
{
    uint64_t progress = 0;
    bool someone_idle = false, someone_busy = false;
    bool work = atomic_load(&rescue->inbox->head) != NULL;
    for (fibers_carrier *c = atomic_load(&rescue->inbox->carriers); c != NULL; c = c->next) {
        uint32_t phase = atomic_load(&c->phase);
        if (c->rescuer || phase == FIBERS_PHASE_GONE)
            continue;
        someone_idle |= phase == FIBERS_PHASE_IDLE;
        someone_busy |= phase != FIBERS_PHASE_IDLE;
        work |= phase == FIBERS_PHASE_RETURNED;
        progress += atomic_load(&c->switches) * 8 + phase;
    }
    bool moved = progress != rescue->progress_before;
    rescue->progress_before = progress;
    return someone_busy && !moved && (!someone_idle || work || fibers_waits_overdue(rescue->inbox, now_ns() - rescue->stuck_after_ns));
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
    fibers_inbox_push(rescue->inbox, vthread);
}

// The oldest in the inbox that can run, or NULL. The others go back in their order.
static fibers_vthread *take_from_inbox(struct rescue *rescue, int64_t now)
{
    fibers_vthread *newest_first = atomic_exchange_explicit(&rescue->inbox->head, NULL, memory_order_acquire);
    fibers_vthread *oldest_first = NULL, *taken = NULL;
    while (newest_first != NULL) {
        fibers_vthread *next = newest_first->inbox_next;
        newest_first->inbox_next = oldest_first;
        oldest_first = newest_first;
        newest_first = next;
    }
    while (oldest_first != NULL) {
        fibers_vthread *vthread = oldest_first;
        oldest_first = vthread->inbox_next;
        if (taken == NULL && (!vthread->uncommitted || claim_uncommitted(vthread, now)))
            taken = vthread;
        else
            fibers_inbox_push(rescue->inbox, vthread);
    }
    if (taken != NULL)
        taken->uncommitted = 0;
    return taken;
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
    // The phase first: a carrier seen in it now cannot go on without the lock, so `mounted` stays what it is.
    bool returned = atomic_load(&carrier->phase) == FIBERS_PHASE_RETURNED;
    fibers_vthread *vthread = atomic_load(&carrier->mounted);
    if (returned && vthread != NULL && claim_uncommitted(vthread, now)) {
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

static bool run_if_any(struct rescue *rescue, fibers_vthread *vthread)
{
    if (vthread != NULL)
        run(rescue, vthread);
    return vthread != NULL;
}

// One of each kind, so that fibers which keep waking each other keep nobody else waiting.
static bool run_one_of_each(struct rescue *rescue)
{
    bool ran = run_if_any(rescue, take_from_inbox(rescue, now_ns()));
    ran |= run_if_any(rescue, fibers_waits_expired(rescue->inbox, now_ns()));
    for (fibers_carrier *c = atomic_load(&rescue->inbox->carriers); c != NULL; c = c->next)
        if (!c->rescuer)
            ran |= run_if_any(rescue, take_from(rescue, c, now_ns()));
    return ran;
}

static void *rescue_main(void *argument)
{
    pthread_setname_np(pthread_self(), "fiber rescue");
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
    int looks_stuck = 0;
    while (atomic_load(&rescue->stop) == 0) {
        // Asleep for good while every carrier is idle; then it looks at intervals.
        fibers_doze(rescue->inbox, FIBERS_DOZE_RESCUE, -1, &rescue->stop);
        fibers_futex_wait(&rescue->stop, 0, rescue->stuck_after_ns);
        // A collection's pause, or a busy machine, is not worth a rescue: only several looks without movement are.
        looks_stuck = carriers_stuck(rescue) ? looks_stuck + 1 : 0;
        while (looks_stuck >= STUCK_LOOKS && run_one_of_each(rescue))
            looks_stuck = carriers_stuck(rescue) ? looks_stuck : 0;
    }
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
