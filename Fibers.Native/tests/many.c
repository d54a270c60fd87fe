// Thousands of virtual threads, created by several threads at once, run on several carriers, destroyed, and once more.
#include "scheduler.h"

#include <stdio.h>
#include <stdlib.h>

enum { CREATORS = 3, CARRIERS = 3, LIMIT = 3000 };

static scheduler *current;
static int each;
static _Thread_local uint64_t own;
static _Atomic uint64_t total;
static _Atomic uint32_t ended, wrong;

static void work(void *argument)
{
    uint64_t id = (uint64_t)(uintptr_t)argument;
    own = id;
    for (int i = 0; i < 5; i++) {
        own += id;
        vthread_yield();
    }
    atomic_fetch_add(&wrong, own != 6 * id);
    atomic_fetch_add(&total, own);
    atomic_fetch_add(&ended, 1);
}

static void *create(void *argument)
{
    for (int i = 0; i < each; i++)
        scheduler_spawn(current, work, (void *)((uintptr_t)argument * 10000 + (uintptr_t)i + 1));
    return NULL;
}

static int lines_of_maps(void)
{
    int lines = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int c; maps != NULL && (c = fgetc(maps)) != EOF;)
        lines += c == '\n';
    if (maps != NULL)
        fclose(maps);
    return lines;
}

// So many that alive at once, and parked: mapped memory must not be split by their guard pages.
static void guard_pages_split_nothing(void)
{
    int count = check_scaled(2000), before = lines_of_maps();
    fibers_inbox *inbox = fibers_inbox_create();
    fibers_stacks *stacks = fibers_stacks_create(TEST_STACK);
    fibers_vthread **vthreads = malloc((size_t)count * sizeof *vthreads);
    for (int i = 0; i < count; i++)
        vthreads[i] = vthread_new(stacks, inbox, NULL, NULL);
    int added = lines_of_maps() - before;
    if (fibers_features() & FIBERS_FEATURE_GUARD_INSTALL)
        CHECK("guard", added < 100);
    else
        CHECK("guard", added >= count); // one line each at least: they are there, by mprotect
    int failed = 0;
    for (int i = 0; i < count; i++)
        failed += fibers_vthread_destroy(vthreads[i]) != 0;
    CHECK("destroy", failed == 0);
    free(vthreads);
    fibers_stacks_destroy(stacks);
    fibers_inbox_destroy(inbox);
}

void topic_many(void)
{
    each = check_scaled(LIMIT) / CREATORS;
    for (int generation = 0; generation < 2; generation++) { // the second reuses blocks and ids
        atomic_store(&ended, 0);
        atomic_store(&total, 0);
        current = scheduler_start(CARRIERS);
        pthread_t threads[CREATORS];
        for (int i = 0; i < CREATORS; i++)
            REQUIRE("many", pthread_create(&threads[i], NULL, create, (void *)(intptr_t)i) == 0);
        for (int i = 0; i < CREATORS; i++)
            pthread_join(threads[i], NULL);
        int made = scheduler_stop(current);
        uint64_t expected = 0;
        for (int c = 0; c < CREATORS; c++)
            for (int i = 0; i < each; i++)
                expected += 6 * ((uint64_t)c * 10000 + (uint64_t)i + 1);
        CHECK("many", atomic_load(&ended) == (uint32_t)(each * CREATORS));
        CHECK("many", atomic_load(&total) == expected && atomic_load(&wrong) == 0);
        CHECK("many", made > 0 && made <= each * CREATORS);
    }
    guard_pages_split_nothing();
}
