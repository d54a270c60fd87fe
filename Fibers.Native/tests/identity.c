// What unmodified code asks about "this thread", answered for the fiber.
#include "scheduler.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t (*asked_gettid)(void);
static long (*asked_syscall)(long, ...);
static int (*asked_getattr)(pthread_t, pthread_attr_t *);
static int (*asked_sigaltstack)(const stack_t *, stack_t *);
static int (*asked_setname)(pthread_t, const char *);
static int (*asked_getaffinity)(pid_t, size_t, cpu_set_t *);
static int (*asked_setaffinity)(pid_t, size_t, const cpu_set_t *);
static int (*asked_clock)(pthread_t, clockid_t *);
static pid_t carrier_tid;

static void ask(void *argument)
{
    pid_t *seen = argument;
    fibers_vthread *self = fibers_vthread_current();
    *seen = asked_gettid();
    CHECK("gettid", *seen == self->virtual_tid && *seen > 1 << 22 && *seen < 1 << 30);
    CHECK("gettid", asked_syscall(SYS_gettid) == *seen);
    CHECK("gettid", asked_syscall(SYS_getpid) == getpid()); // everything else reaches the kernel
    CHECK("gettid", syscall(SYS_gettid) == carrier_tid);
    int processor = sched_getcpu();
    CHECK("rseq", processor >= 0 && processor < CPU_SETSIZE);

    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    REQUIRE("getattr", asked_getattr(pthread_self(), &attributes) == 0);
    CHECK("getattr", pthread_attr_getstack(&attributes, &low, &size) == 0);
    CHECK("getattr", low == self->stack_low && (char *)low + size == (char *)self->stack_high);
    CHECK("getattr", (void *)&attributes > low && (void *)&attributes < self->stack_high);
    pthread_attr_destroy(&attributes);

    stack_t stack = {.ss_flags = 0}, old = {.ss_flags = 77};
    CHECK("sigaltstack", asked_sigaltstack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE)); // "one exists"
    CHECK("sigaltstack", asked_sigaltstack(&stack, &old) == 0 && (old.ss_flags & SS_DISABLE));
    CHECK("setname", asked_setname(pthread_self(), "a fiber") == 0);
    CHECK("setname", asked_setname(pthread_self(), "sixteen letters!") == ERANGE);

    cpu_set_t set, one;
    CHECK("affinity", asked_getaffinity(self->virtual_tid, sizeof set, &set) >= 0 && CPU_COUNT(&set) > 0);
    CPU_ZERO(&one);
    CHECK("affinity", asked_setaffinity(0, sizeof one, &one) == 0); // would be EINVAL, and would move the carrier
    clockid_t clock;
    CHECK("clock", asked_clock(pthread_self(), &clock) == 0 && clock == CLOCK_THREAD_CPUTIME_ID);
}

// The C library's own mutexes take their owner from the thread block: it must be the virtual thread there too.
static pthread_mutex_t checked;

static void lock_it(void *argument)
{
    int *result = argument;
    *result = pthread_mutex_lock(&checked);
    vthread_yield();
    if (*result == 0)
        *result = pthread_mutex_unlock(&checked);
}

static void owners_are_told_apart(fibers_vthread *first)
{
    if (check_emulated()) {
        check_skip("tid in the thread block", "the emulator clears it when the kernel thread ends");
        return;
    }
    int taken = -1;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checked, &attributes);
    vthread_again(first, lock_it, &taken);
    fibers_run(first);
    CHECK("owner", taken == 0);
    CHECK("owner", pthread_mutex_unlock(&checked) == EPERM);    // the carrier is somebody else
    CHECK("owner", pthread_mutex_trylock(&checked) == EBUSY);
    fibers_run(first);
    CHECK("owner", taken == 0);
    CHECK("owner", pthread_mutex_trylock(&checked) == 0 && pthread_mutex_unlock(&checked) == 0);
}

void topic_identity(void)
{
    asked_gettid = fibers_redirect_lookup("gettid");
    asked_syscall = fibers_redirect_lookup("syscall");
    asked_getattr = fibers_redirect_lookup("pthread_getattr_np");
    asked_sigaltstack = fibers_redirect_lookup("sigaltstack");
    asked_setname = fibers_redirect_lookup("pthread_setname_np");
    asked_getaffinity = fibers_redirect_lookup("sched_getaffinity");
    asked_setaffinity = fibers_redirect_lookup("sched_setaffinity");
    asked_clock = fibers_redirect_lookup("pthread_getcpuclockid");
    CHECK("lookup", fibers_redirect_lookup("printf") == NULL);
    carrier_tid = (pid_t)syscall(SYS_gettid);
    CHECK("gettid", asked_gettid() == carrier_tid && asked_syscall(SYS_gettid) == carrier_tid);
    fibers_inbox *inbox = fibers_inbox_create();
    fibers_stacks *stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE("run", fibers_carrier_attach(inbox) != NULL);
    pid_t first_tid = 0, second_tid = 0;
    fibers_vthread *first = vthread_new(stacks, inbox, ask, &first_tid), *second = vthread_new(stacks, inbox, ask, &second_tid);
    fibers_run(first);
    fibers_run(second);
    CHECK("gettid", first_tid != 0 && second_tid != 0 && first_tid != second_tid);
    owners_are_told_apart(first);
    CHECK("destroy", fibers_vthread_destroy(first) == 0);
    CHECK("destroy", fibers_vthread_destroy(second) == 0);
    CHECK("gettid", asked_gettid() == carrier_tid);
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}
