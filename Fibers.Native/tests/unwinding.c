// Unwind information: a walk from inside a fiber ends cleanly, at its first frame.
#include "scheduler.h"

#include <stdlib.h>
#include <unwind.h>

#define STACK 65536

struct walk {
    int frames;
    _Unwind_Word last_stack;
    bool outwards;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *argument)
{
    struct walk *walk = argument;
    _Unwind_Word stack = _Unwind_GetCFA(context);
    walk->outwards &= stack >= walk->last_stack;
    walk->last_stack = stack;
    return ++walk->frames < 100 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static struct walk walked;
static _Unwind_Reason_Code ended;

static void __attribute__((noinline)) walk_from(int depth)
{
    if (depth > 0) {
        walk_from(depth - 1);
        __asm__ volatile("" : : : "memory"); // no tail call: the frame must stay
        return;
    }
    walked = (struct walk){.outwards = true};
    ended = _Unwind_Backtrace(step, &walked);
}

static fibers_context here, there;

static void on_context(void *unused)
{
    (void)unused;
    walk_from(5);
    for (;;)
        fibers_context_switch(&there, &here);
}

static void on_vthread(void *unused)
{
    (void)unused;
    walk_from(5);
}

static void judge(void)
{
    CHECK("unwind", ended == _URC_END_OF_STACK);
    CHECK("unwind", walked.frames >= 7 && walked.frames < 20);
    CHECK("unwind", walked.outwards);
}

void topic_unwinding(void)
{
    char *stack = malloc(STACK);
    here.thread_pointer = __builtin_thread_pointer();
    fibers_context_make(&there, stack, STACK, on_context, NULL);
    fibers_context_switch(&here, &there);
    judge();
    free(stack);

    fibers_inbox *inbox = fibers_inbox_create();
    fibers_stacks *stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE("unwind", fibers_carrier_attach(inbox) != NULL);
    fibers_vthread *vthread = vthread_new(stacks, inbox, on_vthread, NULL);
    fibers_run(vthread);
    judge();
    CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}
