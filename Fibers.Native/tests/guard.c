// Running off a fiber's stack hits its guard page: SIGSEGV, at an address in that page, and nobody else is harmed.
#include "scheduler.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static sigjmp_buf recovery;
static char *volatile fault_address;
static volatile int caught;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    caught = signal;
    fault_address = info->si_addr;
    siglongjmp(recovery, 1);
}

static void touch(void *argument)
{
    volatile char *address = argument;
    if (sigsetjmp(recovery, 1) == 0)
        *address = 1;
}

static volatile uint64_t bottom = UINT64_MAX;

static uint64_t __attribute__((noinline)) fall(uint64_t depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    uint64_t below = depth < bottom ? fall(depth + 1) : 0;
    return below + (uint64_t)frame[0];
}

static void fall_off(void *unused)
{
    (void)unused;
    if (sigsetjmp(recovery, 1) == 0)
        fall(0);
}

void topic_guard(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536}; // the carrier's; a fiber has none of its own
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);

    fibers_inbox *inbox = fibers_inbox_create();
    fibers_stacks *stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE("run", fibers_carrier_attach(inbox) != NULL);
    fibers_vthread *below = vthread_new(stacks, inbox, NULL, NULL), *middle = vthread_new(stacks, inbox, NULL, NULL), *above = vthread_new(stacks, inbox, NULL, NULL);
    for (int round = 0; round < 2; round++) { // the second time on stacks that were given back and taken again
        char *low = middle->stack_low;
        static const size_t offsets[] = {1, 8, 100};
        for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
            caught = 0;
            vthread_again(middle, touch, low - offsets[i]);
            fibers_run(middle);
            CHECK("guard", caught == SIGSEGV);
            CHECK("guard", fault_address == low - offsets[i]);
        }
        caught = 0;
        vthread_again(middle, touch, low);
        fibers_run(middle);
        CHECK("guard", caught == 0); // the first usable byte
        vthread_again(middle, touch, low - page);
        fibers_run(middle);
        CHECK("guard", caught == SIGSEGV && fault_address == low - page);

        caught = 0;
        vthread_again(middle, fall_off, NULL);
        fibers_run(middle);
        CHECK("guard", caught == SIGSEGV);
        CHECK("guard", fault_address < low && fault_address >= low - page);
        CHECK("guard", fibers_vthread_destroy(middle) == 0);
        middle = vthread_new(stacks, inbox, NULL, NULL);
    }
    CHECK("destroy", fibers_vthread_destroy(below) == 0);
    CHECK("destroy", fibers_vthread_destroy(middle) == 0);
    CHECK("destroy", fibers_vthread_destroy(above) == 0);
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    free(alternate.ss_sp);
}
