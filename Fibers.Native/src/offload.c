// A small bounded pool of kernel threads for blocking calls: files without io_uring, names, child processes.
// The threads know nothing of .NET; they come when there is work and go when there has been none for a while.
//
// The queue: first in, first out, guarded by its lock. A job is owned by the pool from fibers_offload until its
// completion wakes the fiber; then its memory (the fiber's stack) is gone.
#include "offload.h"

#include <signal.h>

#define MAX_POOL_THREADS 8
#define POOL_IDLE_SECONDS 2
#define POOL_STACK (256 * 1024)

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    fibers_job *first, *last;
    int threads, idle, queued;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

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

static fibers_job *take_job(void)
{
    fibers_job *job = pool.first;
    if (job != NULL) {
        pool.first = job->next;
        if (pool.first == NULL)
            pool.last = NULL;
        pool.queued--;
    }
    return job;
}

static void *pool_main(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        fibers_job *job = take_job();
        if (job != NULL) {
            pthread_mutex_unlock(&pool.lock);
            errno = 0;
            long result = job->call(job);
            fibers_job_done(job, result, errno);
            pthread_mutex_lock(&pool.lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += POOL_IDLE_SECONDS;
        pool.idle++;
        int error = pthread_cond_timedwait(&pool.work, &pool.lock, &until);
        pool.idle--;
        if (error == ETIMEDOUT && pool.first == NULL)
            break;
    }
    pool.threads--;
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

// With the lock held, before a job is queued. True: somebody will take it. An idle thread that was signalled but has
// not woken yet is spoken for by what is queued already.
static bool have_thread(void)
{
    if (pool.idle > pool.queued || pool.threads >= MAX_POOL_THREADS)
        return true;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, POOL_STACK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // the program's signals are for its own threads
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, pool_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        pool.threads++;
    return pool.threads > 0;
}

long fibers_offload(fibers_vthread *self, fibers_job *job, fibers_reason reason)
{
    job->owner = self;
    job->next = NULL;
    self->shielded++; // only completion may wake us: the job lives on our stack
    job->number = park_begin(self);
    self->request.park_number = job->number;
    pthread_mutex_lock(&pool.lock);
    bool queued = have_thread();
    if (queued) {
        if (pool.last != NULL)
            pool.last->next = job;
        else
            pool.first = job;
        pool.last = job;
        pool.queued++;
        pthread_cond_signal(&pool.work);
    }
    pthread_mutex_unlock(&pool.lock);
    if (queued) {
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
