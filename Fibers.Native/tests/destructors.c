// A virtual thread ends as a thread does: the destructors of its thread-locals run, on itself, at destroy.
#include "scheduler.h"

extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *module);
extern void *__dso_handle;

enum { FIBERS = 40 };

static fibers_inbox *inbox;
static pthread_key_t key, chained_key;
static _Atomic uint32_t key_runs, chained_runs, cxa_runs, on_itself, not_parked;
static _Thread_local int mine;
static int ids[FIBERS];

static void key_destructor(void *value)
{
    atomic_fetch_add(&key_runs, 1);
    atomic_fetch_add(&on_itself, mine == *(int *)value); // its thread-locals are still there
    atomic_fetch_add(&not_parked, fibers_vthread_current() != NULL && fibers_vthread_current()->pinned != 0);
    pthread_setspecific(chained_key, value); // the C library must look again
}

static void chained_destructor(void *value)
{
    (void)value;
    atomic_fetch_add(&chained_runs, 1);
}

static void cxa_destructor(void *object)
{
    atomic_fetch_add(&cxa_runs, 1);
    atomic_fetch_add(&on_itself, mine == *(int *)object);
}

static void body(void *argument)
{
    mine = *(int *)argument;
    pthread_setspecific(key, argument);
    __cxa_thread_atexit_impl(cxa_destructor, argument, &__dso_handle);
    vthread_yield();
    CHECK("destructors", pthread_getspecific(key) == argument);
}

static void *run_the_rest(void *argument)
{
    fibers_vthread **vthreads = argument;
    REQUIRE("run", fibers_carrier_attach(inbox) != NULL);
    for (int i = 0; i < FIBERS; i++)
        fibers_run(vthreads[i]);
    fibers_carrier_detach();
    return NULL;
}

void topic_destructors(void)
{
    inbox = fibers_inbox_create();
    fibers_stacks *stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE("run", fibers_carrier_attach(inbox) != NULL);
    pthread_key_create(&key, key_destructor);
    pthread_key_create(&chained_key, chained_destructor);
    fibers_vthread *vthreads[FIBERS];
    for (int i = 0; i < FIBERS; i++) {
        ids[i] = i + 1;
        vthreads[i] = vthread_new(stacks, inbox, body, &ids[i]);
        fibers_run(vthreads[i]);
    }
    pthread_t thread;
    REQUIRE("run", pthread_create(&thread, NULL, run_the_rest, vthreads) == 0);
    pthread_join(thread, NULL);
    CHECK("destructors", atomic_load(&key_runs) == 0 && atomic_load(&cxa_runs) == 0); // the body's end is not the thread's
    for (int i = 0; i < FIBERS; i++) {
        CHECK("destroy", fibers_vthread_destroy(vthreads[i]) == 0);
        CHECK("destructors", atomic_load(&key_runs) == (uint32_t)i + 1 && atomic_load(&cxa_runs) == (uint32_t)i + 1);
    }
    CHECK("destructors", atomic_load(&chained_runs) == FIBERS);
    CHECK("destructors", atomic_load(&on_itself) == 2 * FIBERS);
    CHECK("destructors", atomic_load(&not_parked) == FIBERS); // pinned: there is no carrier to leave to
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}
