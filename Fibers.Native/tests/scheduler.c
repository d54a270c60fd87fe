#include "scheduler.h"

#include <poll.h>
#include <stdlib.h>

#define MAX_VTHREADS 16384
#define MAX_CARRIERS 8
#define MAX_FDS 8

// What a virtual thread runs next; by its index, which is unique in the process.
static struct body {
    void (*run)(void *);
    void *argument;
} bodies[MAX_VTHREADS];

// A park with a deadline or with descriptors; by index as well. Linked while the scheduler watches it.
struct wait {
    fibers_vthread *vthread;
    uint64_t number;
    int64_t deadline_ns;
    int count;
    fibers_poll_entry entries[MAX_FDS];
    bool linked;
    struct wait *next, *previous;
};

struct scheduler {
    fibers_inbox *inbox;
    fibers_stacks *stacks;
    pthread_t threads[MAX_CARRIERS];
    int carriers;
    void (*on_return)(fibers_carrier *, fibers_vthread *);
    _Atomic uint32_t stop, settled;
    pthread_mutex_t lock; // guards everything below
    pthread_cond_t quiet;
    int live; // spawned and not finished
    fibers_vthread *queue[MAX_VTHREADS];
    unsigned head, tail;
    fibers_vthread *idle[MAX_VTHREADS];
    int idle_count, made;
    struct wait waits[MAX_VTHREADS];
    struct wait *first;
};

static void vthread_entry(fibers_vthread *self)
{
    fibers_vthread_detach(self);
    for (struct body *body = &bodies[self->index]; body->run != NULL;) {
        void (*run)(void *) = body->run;
        body->run = NULL;
        run(body->argument);
        fibers_leave(self, FIBERS_REQUEST_FINISHED);
    }
}

void vthread_again(fibers_vthread *vthread, void (*body)(void *), void *argument)
{
    bodies[vthread->index] = (struct body){body, argument};
}

fibers_vthread *vthread_new(fibers_stacks *stacks, fibers_inbox *inbox, void (*body)(void *), void *argument)
{
    fibers_vthread *vthread = NULL;
    REQUIRE("create", fibers_vthread_create(stacks, inbox, vthread_entry, NULL, &vthread) == 0);
    REQUIRE("create", vthread->index < MAX_VTHREADS);
    vthread_again(vthread, body, argument);
    return vthread;
}

void vthread_yield(void)
{
    fibers_leave(fibers_vthread_current(), FIBERS_REQUEST_YIELD);
}

// ---- the run queue ----------------------------------------------------------------------------------------

static void push(scheduler *s, fibers_vthread *vthread)
{
    pthread_mutex_lock(&s->lock);
    s->queue[s->tail++ % MAX_VTHREADS] = vthread;
    pthread_mutex_unlock(&s->lock);
    full_fence();
    if (atomic_load(&s->inbox->sleepers) != 0)
        fibers_inbox_kick(s->inbox);
}

static void settle(scheduler *s, fibers_vthread *vthread);

static fibers_vthread *next(scheduler *s)
{
    fibers_vthread *list = atomic_exchange_explicit(&s->inbox->head, NULL, memory_order_acquire);
    while (list != NULL) {
        fibers_vthread *vthread = list;
        list = list->inbox_next;
        if (vthread->uncommitted) {
            vthread->uncommitted = 0; // it left on the rescue carrier
            settle(s, vthread);
        } else {
            push(s, vthread);
        }
    }
    pthread_mutex_lock(&s->lock);
    fibers_vthread *vthread = s->head != s->tail ? s->queue[s->head++ % MAX_VTHREADS] : NULL;
    pthread_mutex_unlock(&s->lock);
    return vthread;
}

// ---- performing a request: the C twin of ParkCommit.cs -------------------------------------------------------

static void unwatch(scheduler *s, struct wait *wait)
{
    if (!wait->linked)
        return;
    wait->linked = false;
    if (wait->previous != NULL)
        wait->previous->next = wait->next;
    else
        s->first = wait->next;
    if (wait->next != NULL)
        wait->next->previous = wait->previous;
}

static void watch(scheduler *s, fibers_vthread *vthread, const fibers_request *request, const fibers_poll_entry *entries, int count)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    bool closed = false;
    struct wait *wait = &s->waits[vthread->index];
    pthread_mutex_lock(&s->lock);
    unwatch(s, wait);
    *wait = (struct wait){.vthread = vthread, .number = request->park_number, .deadline_ns = request->deadline_ns, .count = count, .linked = true, .next = s->first};
    if (count > 0)
        memcpy(wait->entries, entries, (size_t)count * sizeof *entries);
    if (s->first != NULL)
        s->first->previous = wait;
    s->first = wait;
    for (int i = 0; i < count; i++) {
        atomic_store(&table[entries[i].descriptor].interest, 1); // full fence; pairs with a closer's generation
        closed |= atomic_load(&table[entries[i].descriptor].generation) != entries[i].generation || (entries[i].generation & FIBERS_CLOSES_UNDER_WAY);
    }
    pthread_mutex_unlock(&s->lock);
    if (closed)
        park_wake(vthread, request->park_number, FIBERS_WAKE_CLOSED);
    full_fence();
    if (atomic_load(&s->inbox->sleepers) != 0)
        fibers_inbox_kick(s->inbox); // whoever sleeps knows nothing of this descriptor
}

static void settle(scheduler *s, fibers_vthread *vthread)
{
    fibers_request request = vthread->request; // after the last compare-exchange nothing of it may be touched
    fibers_poll_entry one = {request.descriptor, request.events, request.generation, 0};
    switch (request.kind) {
    case FIBERS_REQUEST_YIELD: push(s, vthread); return;
    case FIBERS_REQUEST_FINISHED:
        pthread_mutex_lock(&s->lock);
        s->idle[s->idle_count++] = vthread;
        if (--s->live == 0)
            pthread_cond_broadcast(&s->quiet);
        pthread_mutex_unlock(&s->lock);
        return;
    case FIBERS_REQUEST_PARK:
        if (request.deadline_ns != FIBERS_NO_DEADLINE)
            watch(s, vthread, &request, NULL, 0);
        break;
    case FIBERS_REQUEST_DESCRIPTOR: watch(s, vthread, &request, &one, 1); break;
    case FIBERS_REQUEST_POLL:
        REQUIRE("scheduler", request.descriptor <= MAX_FDS);
        watch(s, vthread, &request, request.poll_entries, request.descriptor);
        break;
    default: REQUIRE("scheduler", !"a request nobody knows");
    }
    uint64_t parking = FIBERS_PARK_WORD(request.park_number, 0, FIBERS_PARKING);
    if (atomic_compare_exchange_strong(&vthread->park_word, &parking, FIBERS_PARK_WORD(request.park_number, 0, FIBERS_PARKED)))
        return;
    uint64_t word = atomic_load(&vthread->park_word);
    if (FIBERS_PARK_NUMBER(word) == request.park_number && FIBERS_PARK_STATE(word) == FIBERS_NOTIFIED &&
        atomic_compare_exchange_strong(&vthread->park_word, &word, FIBERS_PARK_WORD(request.park_number, FIBERS_PARK_WAKE(word), FIBERS_RUNNABLE)))
        push(s, vthread);
}

// ---- sleeping ---------------------------------------------------------------------------------------------

struct watched { // a copy, so that the lock is not held across poll
    fibers_vthread *vthread;
    uint64_t number;
    int64_t deadline_ns;
    int descriptors;
};
struct snapshot {
    struct pollfd polled[MAX_VTHREADS + 1];
    struct watched watched[MAX_VTHREADS];
};

static void wake_closed(scheduler *s)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    for (int32_t link = atomic_exchange(fibers_descriptor_closed(), 0); link != 0;) {
        int descriptor = link - 1;
        link = atomic_load(&table[descriptor].closed_next);
        atomic_store(&table[descriptor].queued, 0);
        pthread_mutex_lock(&s->lock);
        for (struct wait *wait = s->first; wait != NULL; wait = wait->next)
            for (int i = 0; i < wait->count; i++)
                if (wait->entries[i].descriptor == descriptor && wait->entries[i].generation != atomic_load(&table[descriptor].generation))
                    park_wake(wait->vthread, wait->number, FIBERS_WAKE_CLOSED);
        pthread_mutex_unlock(&s->lock);
    }
}

static void sleep_in_poll(scheduler *s, struct snapshot *snapshot, fibers_carrier *carrier)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    int64_t deadline = FIBERS_NO_DEADLINE;
    int watched = 0, polled = 1;
    snapshot->polled[0] = (struct pollfd){s->inbox->event_descriptor, POLLIN, 0};
    atomic_fetch_add(&s->inbox->sleepers, 1); // full fence; pairs with fibers_inbox_push
    pthread_mutex_lock(&s->lock);
    for (struct wait *wait = s->first; wait != NULL && polled + MAX_FDS < MAX_VTHREADS; wait = wait->next) {
        snapshot->watched[watched++] = (struct watched){wait->vthread, wait->number, wait->deadline_ns, wait->count};
        for (int i = 0; i < wait->count; i++)
            snapshot->polled[polled++] = (struct pollfd){wait->entries[i].descriptor, (short)wait->entries[i].events, 0};
        if (wait->deadline_ns < deadline)
            deadline = wait->deadline_ns;
    }
    bool work = s->head != s->tail;
    pthread_mutex_unlock(&s->lock);
    work |= atomic_load(&s->inbox->head) != NULL || atomic_load(fibers_descriptor_closed()) != 0 || atomic_load(&s->stop) != 0;
    int64_t left = deadline == FIBERS_NO_DEADLINE ? -1 : deadline - now_ns() > 0 ? (deadline - now_ns() + 999999) / 1000000 : 0;
    atomic_store(&carrier->phase, FIBERS_PHASE_IDLE);
    poll(snapshot->polled, (nfds_t)polled, work ? 0 : (int)left);
    atomic_store(&carrier->phase, FIBERS_PHASE_SCHEDULER); // full fence; pairs with fibers_doze
    if (atomic_load(&s->inbox->dozing) != 0)
        fibers_rouse(s->inbox);
    atomic_fetch_sub(&s->inbox->sleepers, 1);
    if (snapshot->polled[0].revents != 0)
        fibers_inbox_acknowledge(s->inbox);
    wake_closed(s);
    int64_t now = now_ns();
    polled = 1;
    for (int w = 0; w < watched; w++) {
        short ready = 0;
        for (int i = 0; i < snapshot->watched[w].descriptors; i++, polled++) {
            ready |= snapshot->polled[polled].revents;
            if (snapshot->polled[polled].revents != 0)
                atomic_fetch_add(&table[snapshot->polled[polled].fd].edges, 1); // before anybody is woken
        }
        if (ready != 0)
            park_wake(snapshot->watched[w].vthread, snapshot->watched[w].number, FIBERS_WAKE_READY);
        else if (snapshot->watched[w].deadline_ns <= now)
            park_wake(snapshot->watched[w].vthread, snapshot->watched[w].number, FIBERS_WAKE_TIMEOUT);
    }
}

// ---- carriers ---------------------------------------------------------------------------------------------

static void *carrier_main(void *argument)
{
    scheduler *s = argument;
    struct snapshot *snapshot = malloc(sizeof *snapshot);
    fibers_carrier *carrier = fibers_carrier_attach(s->inbox);
    REQUIRE("scheduler", snapshot != NULL && carrier != NULL);
    while (atomic_load(&s->stop) == 0) {
        fibers_vthread *vthread = next(s);
        if (vthread == NULL) {
            sleep_in_poll(s, snapshot, carrier);
            continue;
        }
        pthread_mutex_lock(&s->lock);
        unwatch(s, &s->waits[vthread->index]);
        pthread_mutex_unlock(&s->lock);
        fibers_run(vthread);
        if (s->on_return != NULL)
            s->on_return(carrier, vthread);
        atomic_store_explicit(&carrier->phase, FIBERS_PHASE_SCHEDULER, memory_order_release);
        if (atomic_load_explicit(&carrier->contested, memory_order_relaxed) != 0 && fibers_rescue_settle(carrier) != 0) {
            atomic_fetch_add(&s->settled, 1);
            continue; // the rescue carrier took the fiber
        }
        settle(s, vthread);
    }
    atomic_store(&s->inbox->kicked, 0); // the wake-up may have been meant for all: pass it on
    fibers_inbox_kick(s->inbox);
    fibers_carrier_detach();
    free(snapshot);
    return NULL;
}

scheduler *scheduler_start(int carriers)
{
    scheduler *s = calloc(1, sizeof *s);
    REQUIRE("scheduler", s != NULL && carriers <= MAX_CARRIERS);
    s->inbox = fibers_inbox_create();
    s->stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE("scheduler", s->inbox != NULL && s->stacks != NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->quiet, NULL);
    fibers_descriptor_watch(s->inbox, 1);
    for (s->carriers = 0; s->carriers < carriers; s->carriers++)
        REQUIRE("scheduler", pthread_create(&s->threads[s->carriers], NULL, carrier_main, s) == 0);
    return s;
}

void scheduler_spawn(scheduler *s, void (*body)(void *), void *argument)
{
    pthread_mutex_lock(&s->lock);
    s->live++;
    fibers_vthread *vthread = s->idle_count > 0 ? s->idle[--s->idle_count] : NULL;
    s->made += vthread == NULL;
    pthread_mutex_unlock(&s->lock);
    if (vthread == NULL)
        vthread = vthread_new(s->stacks, s->inbox, body, argument);
    else
        vthread_again(vthread, body, argument);
    push(s, vthread);
}

void scheduler_wait(scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->live > 0)
        pthread_cond_wait(&s->quiet, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

int scheduler_stop(scheduler *s)
{
    scheduler_wait(s);
    atomic_store(&s->stop, 1);
    fibers_inbox_kick(s->inbox);
    for (int i = 0; i < s->carriers; i++)
        pthread_join(s->threads[i], NULL);
    REQUIRE("scheduler", s->idle_count == s->made);
    for (int i = 0; i < s->idle_count; i++)
        REQUIRE("destroy", fibers_vthread_destroy(s->idle[i]) == 0);
    int made = s->made;
    fibers_rescue_stop(s->inbox);
    fibers_descriptor_watch(s->inbox, 0);
    fibers_inbox_destroy(s->inbox);
    fibers_stacks_destroy(s->stacks);
    pthread_cond_destroy(&s->quiet);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return made;
}

uint32_t scheduler_settled(scheduler *s)
{
    return atomic_load(&s->settled);
}

fibers_inbox *scheduler_inbox(scheduler *s)
{
    return s->inbox;
}

void scheduler_on_return(scheduler *s, void (*hook)(fibers_carrier *, fibers_vthread *))
{
    s->on_return = hook;
}
