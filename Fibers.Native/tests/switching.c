// The switch by itself, on bare contexts: order of visits, callee-saved registers, stack alignment.
#include "check.h"
#include "registers.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK 65536

static fibers_context here, there;
static int trail[16], steps;

static void back(void *unused)
{
    (void)unused;
    fibers_context_switch(&there, &here);
}

static void visitor(void *argument)
{
    int first = *(int *)argument;
    for (int i = 0;; i++) {
        trail[steps++] = first + i;
        back(NULL);
    }
}

static void visits_alternate(char *stack)
{
    int first = 100;
    steps = 0;
    fibers_context_make(&there, stack, STACK, visitor, &first);
    for (int i = 0; i < 3; i++) {
        trail[steps++] = i;
        fibers_context_switch(&here, &there);
    }
    CHECK("switch", steps == 6);
    static const int expected[] = {0, 100, 1, 101, 2, 102};
    CHECK("switch", memcmp(trail, expected, sizeof expected) == 0);
}

// ---- callee-saved registers ---------------------------------------------------------------------------------

static uint64_t theirs[CALLEE_SAVED_COUNT], theirs_seen[CALLEE_SAVED_COUNT];

static void other_side(void *unused)
{
    (void)unused;
    for (;;)
        registers_across(back, NULL, theirs, theirs_seen);
}

static void go_there(void *unused)
{
    (void)unused;
    fibers_context_switch(&here, &there);
}

static void registers_survive(char *stack)
{
    uint64_t ours[CALLEE_SAVED_COUNT], ours_seen[CALLEE_SAVED_COUNT];
    fibers_context_make(&there, stack, STACK, other_side, NULL);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < CALLEE_SAVED_COUNT; i++) {
            ours[i] = 0x0101010101010101u * (uint64_t)(i + 1) + (uint64_t)round;
            theirs[i] = ~ours[i];
            ours_seen[i] = 0;
        }
        registers_across(go_there, NULL, ours, ours_seen);
        for (int i = 0; i < CALLEE_SAVED_COUNT; i++)
            CHECK(CALLEE_SAVED, ours_seen[i] == ours[i]);
        uint64_t set_before[CALLEE_SAVED_COUNT];
        memcpy(set_before, theirs, sizeof set_before);
        go_there(NULL); // the other side writes what it saw
        for (int i = 0; i < CALLEE_SAVED_COUNT; i++)
            CHECK(CALLEE_SAVED, theirs_seen[i] == set_before[i]);
    }
}

// ---- alignment and arguments ----------------------------------------------------------------------------------

static uintptr_t entry_frame;
static void *entry_argument;

static void note_entry(void *argument)
{
    entry_frame = (uintptr_t)__builtin_frame_address(0);
    entry_argument = argument;
    for (;;)
        back(NULL);
}

static void entries_are_aligned(char *stack)
{
    for (size_t odd = 0; odd < 16; odd += 3) { // whatever memory the caller hands in
        fibers_context_make(&there, stack, STACK - odd, note_entry, &entry_frame + odd);
        fibers_context_switch(&here, &there);
        CHECK(STACK_ALIGNMENT, entry_frame % 16 == 0);
        CHECK(STACK_ALIGNMENT, entry_frame >= (uintptr_t)stack && entry_frame < (uintptr_t)stack + STACK - odd);
        CHECK("switch", entry_argument == (void *)(&entry_frame + odd));
    }
}

// ---- signed return addresses ------------------------------------------------------------------------------------

#if defined(__aarch64__)
static void hijacked(void)
{
    _exit(77);
}

// Whoever can write a parked stack still cannot choose where the fiber goes on.
static void a_forged_return_address_faults(char *stack)
{
    if (!(getauxval(AT_HWCAP) & HWCAP_PACA)) {
        check_skip("A64-PAC", "this processor does not authenticate pointers");
        return;
    }
    // A signature has as few as seven bits, so none at all is right once in 128 times: several places, and most must fault.
    int first = 0, faulted = 0;
    for (size_t i = 0; i < 8; i++) {
        int status = 0;
        steps = 0;
        fibers_context_make(&there, stack, STACK - 64 * i, visitor, &first);
        fibers_context_switch(&here, &there);
        pid_t child = fork();
        if (child == 0) {
            ((void **)there.stack_pointer)[1] = (void *)hijacked; // x30, in the picture of switch_arm64.S
            fibers_context_switch(&here, &there);
            _exit(0);
        }
        REQUIRE("A64-PAC", waitpid(child, &status, 0) == child);
        faulted += WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGBUS);
    }
    CHECK("A64-PAC", faulted >= 4);
}
#endif

void topic_switching(void)
{
    char *stack = malloc(STACK);
    here.thread_pointer = __builtin_thread_pointer();
    visits_alternate(stack);
    registers_survive(stack);
    entries_are_aligned(stack);
#if defined(__aarch64__)
    a_forged_return_address_faults(stack);
#endif
    CHECK("switch", fibers_context_benchmark(check_scaled(100000)) > 0);
    free(stack);
}
