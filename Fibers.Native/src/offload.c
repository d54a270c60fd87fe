// Small bounded pools of kernel threads for blocking calls: files without io_uring, names, child processes, fifos, locks.
// The threads know nothing of .NET; they come when there is work and go when there has been none for a while.
//
// Two pools    Calls that end by themselves have one of PROMPT_THREADS. Calls that wait for somebody else have another: what they wait for may be
//              queued behind them. There, when none has been taken for PATIENCE_NS, the oldest gets a further thread, up to PATIENT_THREADS.
// The patient  thread: at most one of a pool waits for that to happen; before it takes the call it sees to a successor.
// The queue    of a pool: first in, first out, guarded by its lock. A job is owned by the pool from fibers_offload until its
//              completion wakes the fiber; then its memory (the fiber's stack) is gone.
#include "offload.h"

#include <signal.h>

#define PROMPT_THREADS 8
#define PATIENT_THREADS 248
#define PATIENCE_NS 10000000
#define IDLE_NS 2000000000
#define POOL_STACK (256 * 1024)

typedef struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;    // the prompt threads wait for it
    pthread_cond_t overdue; // the patient one
    fibers_job *first, *last;
    int queued;
    int64_t moved_ns; // when one was last taken, or came to an empty queue
    int prompt, idle; // prompt threads, and how many of them have nothing to do
    int patient, patient_limit;
    bool patient_waits;
} pool;

static pool finite = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .overdue = PTHREAD_COND_INITIALIZER};
static pool endless = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .overdue = PTHREAD_COND_INITIALIZER, .patient_limit = PATIENT_THREADS};

static _Atomic uint64_t offloaded;

uint64_t fibers_offload_count(void)
{
    return atomic_load(&offloaded);
}

void fibers_job_park(fibers_vthread *self, fibers_job *job, fibers_reason reason)
{
    (void)job;
    self->request.reason = reason;
    self->request.deadline_ns = FIBERS_NO_DEADLINE;
    park_leave(self, FIBERS_REQUEST_PARK);
}

void fibers_job_done(fibers_job *job, long result, int error)
{
    fibers_vthread *owner = job->owner;
    uint64_t number = job->number;
    job->result = result;
    job->error = error;
    park_wake(owner, number, FIBERS_WAKE_UNPARKED); // the job is gone from here
}

// ---- everything below with the pool's lock held, unless it says otherwise -------------------------------------------

static void put_job(pool *pool, fibers_job *job)
{
    job->next = NULL;
    if (pool->last != NULL) {
        pool->last->next = job;
    } else {
        pool->first = job;
        pool->moved_ns = now_ns();
    }
    pool->last = job;
    pool->queued++;
}

// Takes the oldest and makes its call, without the lock.
static void run_oldest(pool *pool)
{
    fibers_job *job = pool->first;
    pool->first = job->next;
    if (pool->first == NULL)
        pool->last = NULL;
    pool->queued--;
    pool->moved_ns = now_ns();
    pthread_mutex_unlock(&pool->lock);
    errno = 0;
    long result = job->call(job);
    fibers_job_done(job, result, errno);
    pthread_mutex_lock(&pool->lock);
}

// False: the time is over.
static bool wait_on(pthread_cond_t *condition, pool *pool, int64_t duration_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t end = until.tv_nsec + duration_ns;
    until.tv_sec += end / 1000000000;
    until.tv_nsec = end % 1000000000;
    return pthread_cond_timedwait(condition, &pool->lock, &until) != ETIMEDOUT;
}

static bool start_thread(pool *pool, void *(*main)(void *))
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, POOL_STACK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // the program's signals are for its own threads
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, main, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

static void *prompt_main(void *argument) // begins without the lock
{
    pool *pool = argument;
    pthread_setname_np(pthread_self(), "fiber pool");
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->first != NULL)
            run_oldest(pool);
        pool->idle++;
        bool signalled = wait_on(&pool->work, pool, IDLE_NS);
        pool->idle--;
        if (!signalled && pool->first == NULL)
            break;
    }
    pool->prompt--;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void *patient_main(void *argument);

static void ensure_patient(pool *pool)
{
    if (pool->patient_waits)
        pthread_cond_signal(&pool->overdue); // it may have thought there was nothing to wait for
    else if (pool->patient < pool->patient_limit && start_thread(pool, patient_main)) {
        pool->patient++;
        pool->patient_waits = true;
    }
}

static void *patient_main(void *argument) // begins without the lock
{
    pool *pool = argument;
    pthread_setname_np(pthread_self(), "fiber pool");
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        bool empty = pool->first == NULL;
        int64_t early = empty ? IDLE_NS : pool->moved_ns + PATIENCE_NS - now_ns();
        if (early > 0) {
            if (!wait_on(&pool->overdue, pool, early) && empty && pool->first == NULL) {
                pool->patient_waits = false;
                break;
            }
            continue;
        }
        pool->patient_waits = false;
        if (pool->queued > 1)
            ensure_patient(pool);
        run_oldest(pool);
        if (pool->patient_waits)
            break; // one is enough
        pool->patient_waits = true;
    }
    pool->patient--;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

// Before a job is queued. True: somebody will take it. An idle thread that was signalled but has not woken yet is spoken for by what
// is queued already.
static bool have_thread(pool *pool)
{
    if (pool->idle <= pool->queued && pool->prompt < PROMPT_THREADS && start_thread(pool, prompt_main))
        pool->prompt++;
    return pool->prompt > 0;
}

static bool hand_over(pool *pool, fibers_job *job) // without the lock
{
    pthread_mutex_lock(&pool->lock);
    bool queued = have_thread(pool);
    if (queued) {
        put_job(pool, job);
        pthread_cond_signal(&pool->work);
        if (pool->queued > pool->idle)
            ensure_patient(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return queued;
}

long fibers_offload(fibers_vthread *self, fibers_job *job, fibers_reason reason)
{
    job->owner = self;
    self->shielded++; // only completion may wake us: the job lives on our stack
    job->number = park_begin(self);
    self->request.park_number = job->number;
    if (hand_over(job->endless ? &endless : &finite, job)) {
        atomic_fetch_add_explicit(&offloaded, 1, memory_order_relaxed);
        fibers_job_park(self, job, reason);
    } else {
        atomic_store(&self->park_word, FIBERS_PARK_WORD(job->number, 0, FIBERS_RUNNING));
        errno = 0;
        job->result = job->call(job);
        job->error = errno;
    }
    self->shielded--;
    errno = job->error;
    return job->result;
}
