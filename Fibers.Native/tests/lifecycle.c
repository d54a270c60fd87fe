// Create, detach, run on another kernel thread, revive and destroy; and what happens when one of them fails.
#include "scheduler.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static fibers_inbox *inbox;
static fibers_stacks *stacks;
static pid_t ran_on[2];
static int runs;

static void note_thread(void *unused)
{
    (void)unused;
    ran_on[runs++] = (pid_t)syscall(SYS_gettid);
    vthread_yield();
    ran_on[runs++] = (pid_t)syscall(SYS_gettid);
}

static void *run_once(void *vthread)
{
    REQUIRE("run", fibers_carrier_attach(inbox) != NULL);
    fibers_run(vthread);
    fibers_carrier_detach();
    return NULL;
}

static void run_on_new_thread(fibers_vthread *vthread)
{
    pthread_t thread;
    REQUIRE("run", pthread_create(&thread, NULL, run_once, vthread) == 0);
    pthread_join(thread, NULL);
}

// How many kernel threads this process has.
static int kernel_threads(void)
{
    int threads = -1;
    char line[200];
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "Threads: %d", &threads);
    if (status != NULL)
        fclose(status);
    return threads;
}

static void moves_between_kernel_threads(void)
{
    fibers_vthread *vthread = vthread_new(stacks, inbox, note_thread, NULL);
    CHECK("create", vthread->stack_high > vthread->stack_low && vthread->virtual_tid > 1 << 22);
    run_on_new_thread(vthread);
    CHECK("run", vthread->request.kind == FIBERS_REQUEST_YIELD && atomic_load(&vthread->running_tid) == 0);
    fibers_run(vthread);
    CHECK("run", vthread->request.kind == FIBERS_REQUEST_FINISHED);
    CHECK("run", ran_on[1] == (pid_t)syscall(SYS_gettid));
    CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
}

static void a_parked_one_costs_no_kernel_thread(void)
{
    enum { COUNT = 20 };
    fibers_vthread *vthreads[COUNT];
    for (int i = 0; i < COUNT; i++)
        vthreads[i] = vthread_new(stacks, inbox, NULL, NULL);
    // The last kernel threads may still be on their way out of the kernel.
    for (int64_t limit = now_ns() + 20000000000; !check_emulated() && kernel_threads() > 1 && now_ns() < limit;)
        usleep(1000);
    if (check_emulated())
        check_skip("detach", "the emulator has threads of its own");
    else
        CHECK("detach", kernel_threads() == 1);
    for (int i = 0; i < COUNT; i++)
        CHECK("destroy", fibers_vthread_destroy(vthreads[i]) == 0); // never ran at all
}

static void blocks_and_stacks_are_reused(void)
{
    fibers_vthread *first = vthread_new(stacks, inbox, NULL, NULL);
    void *stack = first->stack_low;
    int32_t tid = first->virtual_tid;
    uint64_t number = park_begin(first);
    CHECK("destroy", fibers_vthread_destroy(first) == 0);
    fibers_vthread *second = vthread_new(stacks, inbox, NULL, NULL);
    CHECK("reuse", second->stack_low == stack);
    CHECK("reuse", second == first && second->virtual_tid == tid);
    CHECK("reuse", FIBERS_PARK_NUMBER(atomic_load(&second->park_word)) >= number); // a late waker must not match
    CHECK("reuse", !park_wake(second, number, FIBERS_WAKE_UNPARKED));
    CHECK("destroy", fibers_vthread_destroy(second) == 0);
}

static void no_entry(fibers_vthread *self)
{
    fibers_vthread_detach(self);
}

static void failures_leave_nothing_behind(void)
{
    fibers_vthread *vthread = NULL;
    fibers_fault_set(FIBERS_FAULT_STACK, 0, 1);
    CHECK("create", fibers_vthread_create(stacks, inbox, no_entry, NULL, &vthread) == ENOMEM);
    fibers_fault_set(FIBERS_FAULT_THREAD, 0, 2);
    CHECK("create", fibers_vthread_create(stacks, inbox, no_entry, NULL, &vthread) == EAGAIN);
    CHECK("create", fibers_vthread_create(stacks, inbox, no_entry, NULL, &vthread) == EAGAIN);
    CHECK("create", vthread == NULL);
    CHECK("create", fibers_vthread_create(stacks, inbox, no_entry, NULL, &vthread) == 0);
    CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
}

// Signals are blocked from the first instruction of a virtual thread to the last, and the creator's mask is its own again.
static void signal_mask_is_restored(void)
{
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    fibers_vthread *vthread = vthread_new(stacks, inbox, NULL, NULL);
    CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int signal = 1; signal < 32; signal++)
        if (sigismember(&before, signal) != sigismember(&after, signal))
            CHECK("create", !"a signal's mask changed");
    CHECK("create", sigismember(&after, SIGUSR1) == 0);
}

static void count_processors(fibers_vthread *self)
{
    cpu_set_t allowed;
    *(int *)self->argument = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : -1;
    fibers_vthread_detach(self);
}

// Returns how many processors the newborn could use. The creator may use all of its own again afterwards.
static int born_on_so_many(void)
{
    cpu_set_t before, after;
    int processors_at_birth = 0;
    CHECK("create", sched_getaffinity(0, sizeof before, &before) == 0);
    fibers_vthread *vthread = NULL;
    CHECK("create", fibers_vthread_create(stacks, inbox, count_processors, &processors_at_birth, &vthread) == 0);
    CHECK("create", sched_getaffinity(0, sizeof after, &after) == 0);
    CHECK("create", CPU_EQUAL(&before, &after));
    CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
    return processors_at_birth;
}

static void *on_another_thread(void *unused)
{
    CHECK("create", born_on_so_many() == 1);
    return unused;
}

// Where the creator runs; but the main thread keeps its mask, because .NET gives each new thread the one it has just then.
static void born_where_the_creator_runs(void)
{
    cpu_set_t mine;
    CHECK("create", sched_getaffinity(0, sizeof mine, &mine) == 0);
    if ((pid_t)syscall(SYS_gettid) == getpid())
        CHECK("create", born_on_so_many() == CPU_COUNT(&mine));
    pthread_t other;
    REQUIRE("create", pthread_create(&other, NULL, on_another_thread, NULL) == 0);
    REQUIRE("create", pthread_join(other, NULL) == 0);
}

void topic_lifecycle(void)
{
    inbox = fibers_inbox_create();
    stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE("run", fibers_carrier_attach(inbox) != NULL);
    CHECK("start", fibers_abi_version() == FIBERS_ABI_VERSION);
    if (getenv("FIBERS_EXPECT_ARCH_PRCTL") != NULL) // this run is about the other way to switch
        CHECK("start", !(fibers_features() & FIBERS_FEATURE_FSGSBASE));
    moves_between_kernel_threads();
    a_parked_one_costs_no_kernel_thread();
    blocks_and_stacks_are_reused();
    failures_leave_nothing_behind();
    signal_mask_is_restored();
    born_where_the_creator_runs();
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}

// ---- no kernel thread can be had to end on ---------------------------------------------------------------------------

static void forbid_threads(bool forbid)
{
    struct rlimit limit;
    REQUIRE("limit", getrlimit(RLIMIT_NPROC, &limit) == 0);
    limit.rlim_cur = forbid ? 0 : limit.rlim_max;
    REQUIRE("limit", setrlimit(RLIMIT_NPROC, &limit) == 0);
}

static void count_run(void *count)
{
    ++*(int *)count;
}

void topic_revival(void)
{
    enum { NOBODY = 65534 };
    inbox = fibers_inbox_create();
    stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE("attach", inbox != NULL && stacks != NULL && fibers_carrier_attach(inbox) != NULL);
    int count = 0;
    fibers_vthread *vthread = vthread_new(stacks, inbox, count_run, &count);
    fibers_run(vthread);
    REQUIRE("limit", getuid() != 0 || setuid(NOBODY) == 0); // there is no limit for root
    forbid_threads(true);
    int error = fibers_vthread_destroy(vthread);
    forbid_threads(false);
    if (error == 0) {
        check_skip("revive", "whoever runs this has threads without limit");
    } else {
        CHECK("revive", error == EAGAIN && vthread->pinned == 0);
        vthread_again(vthread, count_run, &count);
        fibers_run(vthread);
        CHECK("revive", count == 2);
        CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
    }
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
    CHECK("revive", count > 0);
}
