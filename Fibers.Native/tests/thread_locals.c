// Thread-locals, errno and pthread_self() belong to the virtual thread, whatever kernel thread runs it.
#include "scheduler.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { FIBERS = 12, CARRIERS = 3 };

static _Thread_local int local = 17;
static _Thread_local char zeroed[100];
static fibers_inbox *inbox;
static fibers_stacks *stacks;
static struct visitor {
    fibers_vthread *vthread;
    int rounds;
    bool ended;
    pid_t last_thread;
    int migrations;
} visitors[FIBERS];

// A compiler may keep the address of a thread-local across a call; that is right here, and must stay so.
static int *__attribute__((noinline)) address_of_local(void)
{
    return &local;
}

static void visit(void *argument)
{
    struct visitor *self = argument;
    int id = (int)(self - visitors);
    CHECK("tls", local == 17 && zeroed[99] == 0); // initial values, not a neighbour's
    int *where = address_of_local(), *error = &errno;
    pthread_t me = pthread_self();
    bool right = true;
    local = 1000 * id;
    zeroed[99] = (char)id;
    for (int i = 0; i < self->rounds; i++) {
        errno = id + i;
        vthread_yield();
        right &= errno == id + i && local == 1000 * id + i && zeroed[99] == (char)id;
        right &= address_of_local() == where && &errno == error && pthread_equal(pthread_self(), me);
        right &= fibers_vthread_current() == self->vthread;
        local++;
        pid_t thread = (pid_t)syscall(SYS_gettid);
        self->migrations += thread != self->last_thread && self->last_thread != 0;
        self->last_thread = thread;
    }
    CHECK("tls", right);
    self->ended = true;
}

static pthread_barrier_t barrier;
static _Atomic uint32_t left;

// Every carrier takes its turn with every fiber: in each round fiber f runs on carrier (f + round) mod CARRIERS.
static void *carry(void *argument)
{
    int me = (int)(intptr_t)argument;
    REQUIRE("tls", fibers_carrier_attach(inbox) != NULL);
    local = -me;
    bool own = true;
    for (int round = 0;; round++) {
        for (int f = 0; f < FIBERS; f++) {
            if ((f + round) % CARRIERS != me || visitors[f].ended)
                continue;
            errno = 99;
            fibers_run(visitors[f].vthread);
            own &= errno == 99 && local == -me && fibers_vthread_current() == NULL;
            if (visitors[f].ended)
                atomic_fetch_sub(&left, 1);
        }
        pthread_barrier_wait(&barrier);
        bool last = atomic_load(&left) == 0;
        pthread_barrier_wait(&barrier);
        if (last)
            break;
    }
    CHECK("tls", own);
    fibers_carrier_detach();
    return NULL;
}

void topic_thread_locals(void)
{
    inbox = fibers_inbox_create();
    stacks = fibers_stacks_create(TEST_STACK);
    atomic_store(&left, FIBERS);
    pthread_barrier_init(&barrier, NULL, CARRIERS);
    int rounds = check_scaled(2000);
    for (int f = 0; f < FIBERS; f++) {
        visitors[f].rounds = rounds + f;
        visitors[f].vthread = vthread_new(stacks, inbox, visit, &visitors[f]);
    }
    pthread_t threads[CARRIERS];
    for (int i = 0; i < CARRIERS; i++)
        REQUIRE("tls", pthread_create(&threads[i], NULL, carry, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < CARRIERS; i++)
        pthread_join(threads[i], NULL);
    for (int f = 0; f < FIBERS; f++) {
        CHECK("tls", visitors[f].migrations >= visitors[f].rounds - 1);
        CHECK("destroy", fibers_vthread_destroy(visitors[f].vthread) == 0);
    }
    CHECK("tls", local == 17);
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}
