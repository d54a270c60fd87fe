// Condition waits of the .NET runtime. Monitor, WaitHandle, Task.Wait, Thread.Sleep and Thread.Join all end
// in pthread_cond_(timed)wait inside the runtime; on a fiber they park instead, when all of this holds:
//
//   1. the call comes from a place the runtime uses for thread waits. Learned at start by doing a few known
//      waits on one thread, with nothing but waits in the window (SelfTest.cs): a thread start-up in the
//      window once taught a wait during which the runtime holds a native lock.
//   2. the .NET thread is in preemptive mode. A suspending thread waits at the very same place in
//      cooperative mode, and parking it would stop the collection it has begun.
//   3. it is not a wait for the end of a collection. Such a fiber would only be moved from one stopped
//      carrier to another, and it may hold native locks. Learned at start as well: the first return address,
//      walking outwards, at which a collection wait differs from all others.
//   4. the fiber may park at all (fiber_on_its_stack).
//
// Anything else blocks the kernel thread as before; the watchdog sees to the rest.
//
// The table of parked waiters
// What        a hash table from condition to the fibers parked on it; each bucket has a lock.
// Invariant   a fiber is linked exactly while it is inside park_on, from before it releases the mutex until
//             it runs again; it unlinks itself.
// Who         waiters and signallers, on any thread; the rescue carrier reads deadlines. Never a signal
//             handler.
// Ordering    a signaller that skips the table because `parked_waiters` is 0 cannot have missed a waiter: the
//             waiter counted itself before it released the mutex, and whoever changes the waited-for state
//             holds that mutex in between.
#include "frames.h"
#include "redirect.h"

#include <dlfcn.h>

#define BUCKETS 1024
#define CHAIN 8
#define MAX_SITES 8

struct chain {
    void *address[CHAIN];
    int length;
};

static struct chain wait_chains[MAX_SITES], collection_chains[MAX_SITES], yield_chains[MAX_SITES];
static _Atomic int wait_chain_count, collection_chain_count, yield_chain_count;
// Derived from them by finish_calibration:
static void *sites[MAX_SITES];
static int site_count;
static struct {
    int depth;
    void *address;
} collection_marks[MAX_SITES];
static int collection_mark_count;

static _Thread_local uint32_t calibrating INITIAL_EXEC;
static _Thread_local int calibrated_waits INITIAL_EXEC;
static struct chain window[MAX_SITES]; // of the one thread that calibrates

static struct bucket {
    pthread_mutex_t lock;
    vthread_block *first;
} buckets[BUCKETS] = {[0 ... BUCKETS - 1] = {PTHREAD_MUTEX_INITIALIZER, NULL}};
static _Atomic int parked_waiters;

// ---- where are we? ------------------------------------------------------------------------------------

static int walk(void **frame, struct chain *out)
{
    int length = 0;
    for (; frame != NULL && length < CHAIN && return_address_of(frame) != NULL; frame = caller_frame(frame))
        out->address[length++] = return_address_of(frame);
    return out->length = length;
}

static void record(void **frame)
{
    if (calibrated_waits < MAX_SITES)
        walk(frame, &window[calibrated_waits]);
    calibrated_waits++;
}

static void keep_window(struct chain *table, _Atomic int *count)
{
    for (int w = 0; w < calibrated_waits && w < MAX_SITES; w++) {
        bool known = false;
        for (int i = 0; i < *count; i++)
            known |= table[i].length == window[w].length && memcmp(table[i].address, window[w].address, (size_t)window[w].length * sizeof(void *)) == 0;
        if (!known && *count < MAX_SITES)
            table[(*count)++] = window[w];
    }
}

// Only the runtime's own frames: the managed ones outside them are somebody else's next time.
static void cut_to_runtime(struct chain *chain)
{
    Dl_info runtime, other;
    if (chain->length == 0 || dladdr(chain->address[0], &runtime) == 0)
        return;
    int length = 1;
    while (length < chain->length && dladdr(chain->address[length], &other) != 0 && other.dli_fbase == runtime.dli_fbase)
        length++;
    chain->length = length;
}

void fibers_calibrate_begin(uint32_t kind)
{
    calibrated_waits = 0;
    calibrating = kind;
}

int fibers_calibrate_end(int keep)
{
    uint32_t kind = calibrating;
    calibrating = 0;
    if (keep && kind == FIBERS_CALIBRATE_WAIT)
        keep_window(wait_chains, &wait_chain_count);
    if (keep && kind == FIBERS_CALIBRATE_YIELD) {
        for (int w = 0; w < calibrated_waits && w < MAX_SITES; w++)
            cut_to_runtime(&window[w]);
        keep_window(yield_chains, &yield_chain_count);
    }
    if (keep && kind == FIBERS_CALIBRATE_COLLECTION)
        keep_window(collection_chains, &collection_chain_count);
    return calibrated_waits;
}

int fibers_calibrate_seen(void)
{
    return calibrated_waits;
}

// Only now do fibers begin to park in the runtime: the C# side calls it once, when calibration is complete.
int fibers_calibrate_result(int *wait_sites, int *collection_known)
{
    site_count = 0;
    for (int i = 0; i < wait_chain_count; i++) {
        bool known = false;
        for (int j = 0; j < site_count; j++)
            known |= sites[j] == wait_chains[i].address[0];
        if (!known) {
            sites[site_count++] = wait_chains[i].address[0];
        }
    }
    collection_mark_count = 0;
    bool all_marked = collection_chain_count > 0;
    for (int i = 0; i < collection_chain_count; i++) {
        int depth;
        for (depth = 0; depth < collection_chains[i].length; depth++) {
            bool shared = false;
            for (int j = 0; j < wait_chain_count; j++)
                shared |= depth < wait_chains[j].length && wait_chains[j].address[depth] == collection_chains[i].address[depth];
            if (!shared)
                break;
        }
        if (depth == collection_chains[i].length) {
            all_marked = false; // looks like an ordinary wait all the way
            continue;
        }
        collection_marks[collection_mark_count].depth = depth;
        collection_marks[collection_mark_count++].address = collection_chains[i].address[depth];
    }
    *wait_sites = site_count;
    *collection_known = all_marked;
    return site_count > 0 ? 0 : ENOENT;
}

static bool may_park_here(const fibers_vthread *self, void **frame)
{
    const _Atomic uint32_t *cooperative = self->cooperative;
    if (cooperative == NULL || atomic_load_explicit(cooperative, memory_order_relaxed) != 0)
        return false;
    struct chain chain;
    if (walk(frame, &chain) == 0)
        return false;
    bool known = false;
    for (int i = 0; i < site_count; i++)
        known |= sites[i] == chain.address[0];
    if (!known)
        return false;
    for (int i = 0; i < collection_mark_count; i++)
        if (collection_marks[i].depth < chain.length && chain.address[collection_marks[i].depth] == collection_marks[i].address)
            return false;
    return true;
}

// ---- the table ------------------------------------------------------------------------------------------

static struct bucket *bucket_of(const void *key)
{
    return &buckets[((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15u >> 54];
}

static void link_waiter(struct bucket *bucket, vthread_block *block)
{
    pthread_mutex_lock(&bucket->lock);
    block->wait_previous = NULL;
    block->wait_next = bucket->first;
    if (bucket->first != NULL)
        bucket->first->wait_previous = block;
    bucket->first = block;
    atomic_fetch_add(&parked_waiters, 1);
    pthread_mutex_unlock(&bucket->lock);
}

static void unlink_waiter(struct bucket *bucket, vthread_block *block)
{
    pthread_mutex_lock(&bucket->lock);
    if (block->wait_previous != NULL)
        block->wait_previous->wait_next = block->wait_next;
    else
        bucket->first = block->wait_next;
    if (block->wait_next != NULL)
        block->wait_next->wait_previous = block->wait_previous;
    atomic_fetch_sub(&parked_waiters, 1);
    pthread_mutex_unlock(&bucket->lock);
}

static int park_on(fibers_vthread *self, pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ns)
{
    vthread_block *block = (vthread_block *)self;
    struct bucket *bucket = bucket_of(condition);
    self->request.reason = FIBERS_REASON_RUNTIME_WAIT;
    self->request.deadline_ns = deadline_ns;
    self->request.park_number = park_begin(self);
    block->wait_key = condition;
    block->wait_number = self->request.park_number;
    block->wait_deadline_ns = deadline_ns;
    link_waiter(bucket, block);
    pthread_mutex_unlock(mutex);
    fibers_wake wake = park_leave(self, FIBERS_REQUEST_PARK);
    unlink_waiter(bucket, block);
    pthread_mutex_lock(mutex);
    return wake == FIBERS_WAKE_TIMEOUT ? ETIMEDOUT : 0;
}

// Wakes one fiber parked on `key`, or all. Returns how many.
static int wake_parked(const void *key, bool all)
{
    if (LIKELY(atomic_load_explicit(&parked_waiters, memory_order_acquire) == 0))
        return 0;
    struct bucket *bucket = bucket_of(key);
    int woken = 0;
    pthread_mutex_lock(&bucket->lock);
    vthread_block *oldest = NULL;
    for (vthread_block *block = bucket->first; block != NULL; block = block->wait_next) {
        if (block->wait_key != key)
            continue;
        oldest = block;
        if (all && park_wake(&block->public, block->wait_number, FIBERS_WAKE_UNPARKED))
            woken++;
    }
    // First come, first served: the oldest was linked first, so it stands last.
    for (vthread_block *block = oldest; !all && block != NULL && woken == 0; block = block->wait_previous)
        if (block->wait_key == key && park_wake(&block->public, block->wait_number, FIBERS_WAKE_UNPARKED))
            woken++;
    pthread_mutex_unlock(&bucket->lock);
    return woken;
}

static uint64_t parked_word(const vthread_block *block)
{
    return FIBERS_PARK_WORD(block->wait_number, 0, FIBERS_PARKED);
}

static bool is_overdue(vthread_block *block, const fibers_inbox *inbox, int64_t now)
{
    return block->public.inbox == inbox && block->wait_deadline_ns <= now && atomic_load(&block->public.park_word) == parked_word(block);
}

static bool claim_timed_out(vthread_block *block)
{
    uint64_t parked = parked_word(block);
    return atomic_compare_exchange_strong(&block->public.park_word, &parked, FIBERS_PARK_WORD(block->wait_number, FIBERS_WAKE_TIMEOUT, FIBERS_RUNNABLE));
}

static fibers_vthread *find_overdue(const fibers_inbox *inbox, int64_t now, bool claim)
{
    if (atomic_load(&parked_waiters) == 0)
        return NULL;
    for (int i = 0; i < BUCKETS; i++) {
        if (__atomic_load_n(&buckets[i].first, __ATOMIC_RELAXED) == NULL)
            continue;
        fibers_vthread *found = NULL;
        pthread_mutex_lock(&buckets[i].lock);
        for (vthread_block *block = buckets[i].first; block != NULL && found == NULL; block = block->wait_next)
            if (is_overdue(block, inbox, now) && (!claim || claim_timed_out(block)))
                found = &block->public;
        pthread_mutex_unlock(&buckets[i].lock);
        if (found != NULL)
            return found;
    }
    return NULL;
}

// For the rescue carrier: a fiber of `inbox` whose deadline has passed and that nobody else has woken. Claimed by this call.
fibers_vthread *fibers_waits_expired(fibers_inbox *inbox, int64_t now)
{
    return find_overdue(inbox, now, true);
}

// Whether there was one, at some time during the call.
bool fibers_waits_overdue(fibers_inbox *inbox, int64_t now)
{
    return find_overdue(inbox, now, false) != NULL;
}

// In the child of a fork nobody waits, and whoever held a bucket's lock is not there: no signal needs to look.
void fibers_waits_in_child(void)
{
    atomic_store(&parked_waiters, 0);
}

// ---- the replacements -----------------------------------------------------------------------------------

int redirected_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    if (UNLIKELY(calibrating == FIBERS_CALIBRATE_WAIT || calibrating == FIBERS_CALIBRATE_COLLECTION))
        record(OWN_FRAME);
    fibers_vthread *self = fiber_on_its_stack();
    if (self == NULL || !may_park_here(self, OWN_FRAME))
        return pthread_cond_wait(condition, mutex);
    return park_on(self, condition, mutex, FIBERS_NO_DEADLINE);
}

int redirected_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (UNLIKELY(calibrating == FIBERS_CALIBRATE_WAIT || calibrating == FIBERS_CALIBRATE_COLLECTION))
        record(OWN_FRAME);
    fibers_vthread *self = fiber_on_its_stack();
    if (self == NULL || !is_duration(deadline) || !may_park_here(self, OWN_FRAME))
        return pthread_cond_timedwait(condition, mutex, deadline);
    // The runtime's conditions use the monotonic clock (checked at start by sleeping: SelfTest.cs).
    return park_on(self, condition, mutex, as_nanoseconds(deadline->tv_sec, deadline->tv_nsec));
}

// The runtime yields while it spins for a lock, perhaps with another one held; parking there would leave that one
// held by a fiber in the queue, and carrier after carrier would block on it. So only where Thread.Yield and
// Thread.Sleep(0) come from, learned like the waits.
int redirected_runtime_sched_yield(void)
{
    if (UNLIKELY(calibrating == FIBERS_CALIBRATE_YIELD))
        record(OWN_FRAME);
    fibers_vthread *self = fiber_on_its_stack();
    if (self == NULL || self->cooperative == NULL || atomic_load_explicit(self->cooperative, memory_order_relaxed) != 0)
        return sched_yield();
    struct chain chain;
    walk(OWN_FRAME, &chain);
    for (int i = 0; i < yield_chain_count; i++)
        if (yield_chains[i].length <= chain.length && memcmp(yield_chains[i].address, chain.address, (size_t)yield_chains[i].length * sizeof(void *)) == 0)
            return fibers_yield(self);
    return sched_yield();
}

int redirected_pthread_cond_signal(pthread_cond_t *condition)
{
    return wake_parked(condition, false) > 0 ? 0 : pthread_cond_signal(condition);
}

int redirected_pthread_cond_broadcast(pthread_cond_t *condition)
{
    wake_parked(condition, true);
    return pthread_cond_broadcast(condition);
}
