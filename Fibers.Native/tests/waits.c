// Condition waits of the runtime park a fiber at the calibrated places, and nowhere else.
#include "runtime_library.h"
#include "suspension.h"

#include <dlfcn.h>
#include <sched.h>

enum { WAITERS = 6 };

static const struct runtime *runtime;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition;
static const _Atomic uint32_t preemptive; // zero: the thread is not in managed code
static const _Atomic uint32_t cooperative = 1;
static _Atomic uint32_t tickets, awake;

static struct timespec in_milliseconds(int64_t milliseconds)
{
    int64_t at = now_ns() + milliseconds * 1000000;
    return (struct timespec){at / 1000000000, at % 1000000000};
}

// ---- calibration, as SelfTest.cs does it ---------------------------------------------------------------------------

static void *signal_until_told(void *stop)
{
    while (atomic_load((_Atomic uint32_t *)stop) == 0) {
        pthread_mutex_lock(&mutex);
        runtime->broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static int timed(int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))
{
    struct timespec deadline = in_milliseconds(5);
    pthread_mutex_lock(&mutex);
    int result = wait(&condition, &mutex, &deadline);
    pthread_mutex_unlock(&mutex);
    return result;
}

static void calibrate(void)
{
    int sites = -1, collection = -1;
    fibers_calibrate_begin(FIBERS_CALIBRATE_WAIT);
    runtime->signal(&condition); // no wait at all
    CHECK("calibrate", fibers_calibrate_seen() == 0);
    CHECK("calibrate", timed(runtime->wait) == ETIMEDOUT);
    CHECK("calibrate", fibers_calibrate_end(0) == 1); // forgotten
    fibers_calibrate_begin(FIBERS_CALIBRATE_WAIT);
    CHECK("calibrate", timed(runtime->wait) == ETIMEDOUT);
    pthread_t signaller;
    _Atomic uint32_t stop = 0;
    REQUIRE("calibrate", pthread_create(&signaller, NULL, signal_until_told, &stop) == 0);
    pthread_mutex_lock(&mutex);
    CHECK("calibrate", runtime->wait(&condition, &mutex, NULL) == 0);
    pthread_mutex_unlock(&mutex);
    atomic_store(&stop, 1);
    pthread_join(signaller, NULL);
    CHECK("calibrate", fibers_calibrate_end(1) == 2);
    fibers_calibrate_begin(FIBERS_CALIBRATE_COLLECTION);
    CHECK("calibrate", timed(runtime->collection_wait) == ETIMEDOUT);
    CHECK("calibrate", fibers_calibrate_end(1) == 1);
    CHECK("calibrate", fibers_calibrate_result(&sites, &collection) == 0);
    CHECK("calibrate", sites == 2 && collection == 1);
}

// ---- fibers that wait ------------------------------------------------------------------------------------------

static struct sleeper {
    fibers_vthread *_Atomic vthread;
    uint32_t order;
    int result;
} sleepers[WAITERS];

static void wait_for_ticket(void *argument)
{
    struct sleeper *self = argument;
    fibers_vthread_current()->cooperative = &preemptive;
    pthread_mutex_lock(&mutex);
    atomic_store(&self->vthread, fibers_vthread_current());
    while (atomic_load(&tickets) == 0)
        runtime->wait(&condition, &mutex, NULL);
    atomic_fetch_sub(&tickets, 1);
    self->order = atomic_fetch_add(&awake, 1);
    pthread_mutex_unlock(&mutex);
}

static bool is_parked(struct sleeper *sleeper)
{
    fibers_vthread *vthread = atomic_load(&sleeper->vthread);
    return vthread != NULL && FIBERS_PARK_STATE(atomic_load(&vthread->park_word)) == FIBERS_PARKED;
}

static void await_parked(struct sleeper *sleeper)
{
    for (int64_t limit = now_ns() + 60000000000; !is_parked(sleeper); sched_yield())
        REQUIRE("wait", now_ns() < limit);
}

static void spawn_sleepers(scheduler *s)
{
    atomic_store(&tickets, 0);
    atomic_store(&awake, 0);
    for (int i = 0; i < WAITERS; i++) {
        sleepers[i] = (struct sleeper){.order = UINT32_MAX};
        scheduler_spawn(s, wait_for_ticket, &sleepers[i]);
        await_parked(&sleepers[i]); // one carrier runs them all: none of them blocks it
    }
}

static void signal_wakes_one_and_the_oldest_first(scheduler *s)
{
    spawn_sleepers(s);
    for (uint32_t i = 0; i < WAITERS; i++) {
        pthread_mutex_lock(&mutex);
        atomic_fetch_add(&tickets, 1);
        pthread_mutex_unlock(&mutex);
        CHECK("wait", runtime->signal(&condition) == 0);
        check_await("wait", &awake, i + 1);
        for (uint32_t later = i + 1; later < WAITERS; later++)
            CHECK("wait", is_parked(&sleepers[later])); // exactly one was woken
    }
    scheduler_wait(s);
    for (uint32_t i = 0; i < WAITERS; i++)
        CHECK("wait", sleepers[i].order == i);
}

static void broadcast_wakes_all(scheduler *s)
{
    spawn_sleepers(s);
    pthread_mutex_lock(&mutex);
    atomic_store(&tickets, WAITERS);
    CHECK("wait", runtime->broadcast(&condition) == 0);
    pthread_mutex_unlock(&mutex);
    scheduler_wait(s);
    CHECK("wait", atomic_load(&awake) == WAITERS && atomic_load(&tickets) == 0);
}

static void wait_with_deadline(void *unused)
{
    (void)unused;
    fibers_vthread_current()->cooperative = &preemptive;
    for (int i = 0; i < 5; i++) {
        int64_t start = now_ns();
        struct timespec deadline = in_milliseconds(4 * i);
        uint64_t number = FIBERS_PARK_NUMBER(atomic_load(&fibers_vthread_current()->park_word));
        pthread_mutex_lock(&mutex);
        CHECK("timed wait", runtime->wait(&condition, &mutex, &deadline) == ETIMEDOUT);
        CHECK("timed wait", pthread_mutex_trylock(&mutex) == EBUSY); // it has the mutex again
        pthread_mutex_unlock(&mutex);
        CHECK("timed wait", now_ns() - start >= 4000000 * (int64_t)i);
        CHECK("timed wait", FIBERS_PARK_NUMBER(atomic_load(&fibers_vthread_current()->park_word)) == number + 1);
    }
}

// ---- and those that must not park ----------------------------------------------------------------------------------

enum where { UNKNOWN_PLACE, FOR_A_COLLECTION, IN_MANAGED_CODE, NOT_ATTACHED };

static _Atomic uint32_t waiting, released;

static void wait_where_it_must_not_park(void *argument)
{
    enum where where = *(enum where *)argument;
    fibers_vthread *self = fibers_vthread_current();
    self->cooperative = where == NOT_ATTACHED ? NULL : where == IN_MANAGED_CODE ? &cooperative : &preemptive;
    uint64_t number = FIBERS_PARK_NUMBER(atomic_load(&self->park_word)), switches = atomic_load(&self->carrier->switches);
    pthread_mutex_lock(&mutex);
    atomic_store(&waiting, 1);
    while (atomic_load(&released) == 0) {
        if (where == UNKNOWN_PLACE)
            runtime->start_up_wait(&condition, &mutex);
        else if (where == FOR_A_COLLECTION)
            runtime->collection_wait(&condition, &mutex, NULL);
        else
            runtime->wait(&condition, &mutex, NULL);
    }
    pthread_mutex_unlock(&mutex);
    CHECK("blocks", FIBERS_PARK_NUMBER(atomic_load(&self->park_word)) == number);
    CHECK("blocks", atomic_load(&self->carrier->switches) == switches); // never left
}

static void kernel_thread_blocks_elsewhere(scheduler *s)
{
    static enum where places[] = {UNKNOWN_PLACE, FOR_A_COLLECTION, IN_MANAGED_CODE, NOT_ATTACHED};
    for (int i = 0; i < 4; i++) {
        atomic_store(&waiting, 0);
        atomic_store(&released, 0);
        scheduler_spawn(s, wait_where_it_must_not_park, &places[i]);
        check_await("blocks", &waiting, 1);
        pthread_mutex_lock(&mutex); // so it has begun to wait
        atomic_store(&released, 1);
        pthread_mutex_unlock(&mutex);
        if (i % 2 == 0)
            runtime->signal(&condition);
        else
            runtime->broadcast(&condition);
        scheduler_wait(s);
    }
}

// ---- a queue between fibers and kernel threads, both waiting at the same conditions -----------------------------------

enum { CONSUMERS = 8 };
static int queued, taken, put_in;
static bool closed;

static void consume(void *unused)
{
    (void)unused;
    if (fibers_vthread_current() != NULL)
        fibers_vthread_current()->cooperative = &preemptive;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (queued == 0 && !closed) {
            struct timespec deadline = in_milliseconds(1);
            runtime->wait(&condition, &mutex, taken % 3 == 0 ? &deadline : NULL);
        }
        if (queued == 0)
            break;
        queued--;
        taken++;
    }
    pthread_mutex_unlock(&mutex);
}

static void *consume_on_thread(void *unused)
{
    consume(unused);
    return NULL;
}

static void nothing_is_lost_between_fibers_and_threads(void)
{
    scheduler *s = scheduler_start(3);
    int items = check_scaled(30000);
    pthread_t threads[2];
    for (int i = 0; i < CONSUMERS; i++)
        scheduler_spawn(s, consume, NULL);
    for (int i = 0; i < 2; i++)
        REQUIRE("wait", pthread_create(&threads[i], NULL, consume_on_thread, NULL) == 0);
    for (put_in = 0; put_in < items; put_in++) {
        pthread_mutex_lock(&mutex);
        queued++;
        pthread_mutex_unlock(&mutex);
        runtime->signal(&condition);
    }
    pthread_mutex_lock(&mutex);
    closed = true;
    runtime->broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    scheduler_stop(s);
    CHECK("wait", taken == items && queued == 0);
}

void topic_waits(void)
{
    void *library = dlopen("libcoreclr.so", RTLD_NOW);
    REQUIRE("load", library != NULL && (runtime = dlsym(library, "runtime_exports")) != NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition, &attributes);
    redirect_everything(ignore_suspension);
    calibrate();
    scheduler *s = scheduler_start(1);
    signal_wakes_one_and_the_oldest_first(s);
    broadcast_wakes_all(s);
    scheduler_spawn(s, wait_with_deadline, NULL);
    scheduler_wait(s);
    kernel_thread_blocks_elsewhere(s);
    scheduler_stop(s);
    nothing_is_lost_between_fibers_and_threads();
}
