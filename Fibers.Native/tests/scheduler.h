// The smallest scheduler that can carry fibers: one run queue under one lock, and poll(2). It follows the same
// tables as the C# one (ParkCommit.cs), so that the shim is tested against the protocol it is written for.
#ifndef FIBERS_TEST_SCHEDULER_H
#define FIBERS_TEST_SCHEDULER_H

#include "check.h"

#define TEST_STACK (256 * 1024)

// ---- by hand: the calling thread runs a virtual thread when it says so ----

// A detached virtual thread that will run `body` when it is first run, and again after each `vthread_again`.
fibers_vthread *vthread_new(fibers_stacks *stacks, fibers_inbox *inbox, void (*body)(void *), void *argument);
void vthread_again(fibers_vthread *vthread, void (*body)(void *), void *argument);
// Fiber only. Back to whoever runs it.
void vthread_yield(void);

// ---- by itself: carriers on kernel threads of their own ----

typedef struct scheduler scheduler;
scheduler *scheduler_start(int carriers);
// Any thread or fiber.
void scheduler_spawn(scheduler *scheduler, void (*body)(void *), void *argument);
// Waits until every spawned fiber has finished.
void scheduler_wait(scheduler *scheduler);
// As scheduler_wait; then ends the carriers and destroys the virtual threads. Returns how many there were.
int scheduler_stop(scheduler *scheduler);
fibers_inbox *scheduler_inbox(scheduler *scheduler);
// How often a carrier found that the rescue carrier had taken its fiber.
uint32_t scheduler_settled(scheduler *scheduler);
// Called by a carrier each time a fiber has left it, while its phase is still RETURNED.
void scheduler_on_return(scheduler *scheduler, void (*hook)(fibers_carrier *carrier, fibers_vthread *vthread));

#endif
