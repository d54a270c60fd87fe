// How this machine writes the thread pointer, and the process-wide barrier. Decided once, at start.
#include "internal.h"

#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../asm/context_layout.h"

#define ASSERT_OFFSET(offset, type, field) _Static_assert(offsetof(type, field) == offset, #type "." #field " moved: see asm/context_layout.h");
FIBERS_CONTEXT_LAYOUT(ASSERT_OFFSET)

_Thread_local fibers_vthread *fibers_self;
_Thread_local fibers_carrier *fibers_self_carrier;

uint32_t fibers_feature_bits;

uint32_t fibers_features(void)
{
    return fibers_feature_bits;
}

void *fibers_thread_pointer(void)
{
#if defined(__x86_64__)
    void *pointer; // the thread control block begins with a pointer to itself
    __asm__("movq %%fs:0, %0" : "=r"(pointer));
    return pointer;
#else
    return __builtin_thread_pointer();
#endif
}

#if defined(__x86_64__)
void (*fibers_switch)(fibers_context *from, fibers_context *to) = fibers_switch_syscall;
void (*fibers_switch_peer)(fibers_context *from, fibers_context *to) = fibers_switch_syscall;

#define HWCAP2_FSGSBASE_BIT 2u // the kernel lets user code run wrfsbase
#define ASK_FOR_SHADOW_STACK(status) syscall(SYS_arch_prctl, 0x5005 /* ARCH_SHSTK_STATUS */, status)
#else
#define ASK_FOR_SHADOW_STACK(status) syscall(SYS_prctl, 74 /* PR_GET_SHADOW_STACK_STATUS */, status, 0, 0, 0)
#endif

// A shadow stack would have to be swapped too. Until it is, refuse (docs/porting.md).
static bool shadow_stack_in_use(void)
{
    unsigned long status = 0;
    return (ASK_FOR_SHADOW_STACK(&status) == 0 && (status & 1) != 0) || fibers_fault(FIBERS_FAULT_SHADOW_STACK);
}

int fibers_thread_pointer_start(char *reason, size_t size)
{
    if (shadow_stack_in_use()) {
        snprintf(reason, size, "the process runs with a shadow stack, which fibers do not switch yet");
        return ENOTSUP;
    }
#if defined(__x86_64__)
#if !defined(FIBERS_WITHOUT_FSGSBASE) // tests show the other way too
    if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT) {
        fibers_switch = fibers_switch_fsgsbase;
        fibers_switch_peer = fibers_switch_peer_fsgsbase;
        fibers_feature_bits |= FIBERS_FEATURE_FSGSBASE;
    }
#endif
#else
    fibers_feature_bits |= FIBERS_FEATURE_FSGSBASE;
#endif
    // The signal protocol and the rescue carrier need it; every kernel since 4.14 has it.
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0) {
        snprintf(reason, size, "the kernel has no membarrier(PRIVATE_EXPEDITED)");
        return ENOTSUP;
    }
    fibers_feature_bits |= FIBERS_FEATURE_MEMBARRIER;
    return 0;
}

// ---- bare contexts: tests, the raw benchmark and the swap demo ------------------------------------

void fibers_context_make(fibers_context *context, void *stack_low, size_t stack_size, void (*entry)(void *), void *argument)
{
    uintptr_t top = ((uintptr_t)stack_low + stack_size) & ~(uintptr_t)15;
    uintptr_t *frame = (uintptr_t *)(top - 16 - FIBERS_SWITCH_FRAME); // 16: entry sees an aligned stack
    memset(frame, 0, FIBERS_SWITCH_FRAME + 16);
#if defined(__x86_64__)
    __asm__ volatile("stmxcsr (%0)\n\tfnstcw 4(%0)" : : "r"(frame) : "memory");
    frame[3] = (uintptr_t)entry;    // r13
    frame[4] = (uintptr_t)argument; // r12
    frame[7] = (uintptr_t)fibers_first_return;
#elif defined(__aarch64__)
    // x30, signed as fibers_switch expects it: for the stack pointer above the frame (A64-PAC).
    register uintptr_t address __asm__("x17") = (uintptr_t)fibers_first_return;
    register uintptr_t place __asm__("x16") = (uintptr_t)frame + FIBERS_SWITCH_FRAME;
    __asm__("hint #8" : "+r"(address) : "r"(place)); // pacia1716
    frame[1] = address;
    frame[2] = (uintptr_t)argument;           // x19
    frame[3] = (uintptr_t)entry;              // x20
    __asm__ volatile("mrs %0, fpcr" : "=r"(frame[20]));
#elif defined(__riscv)
    frame[0] = (uintptr_t)fibers_first_return; // ra
    frame[2] = (uintptr_t)argument;           // s1
    frame[3] = (uintptr_t)entry;              // s2
    __asm__ volatile("frcsr %0" : "=r"(frame[25]));
#endif
    context->stack_pointer = frame;
    context->thread_pointer = fibers_thread_pointer();
}

void fibers_context_switch(fibers_context *from, fibers_context *to)
{
    fibers_switch(from, to);
}

struct ping_pong {
    fibers_context here, there;
};

static void pong(void *argument)
{
    struct ping_pong *pair = argument;
    for (;;)
        fibers_switch(&pair->there, &pair->here);
}

double fibers_context_benchmark(int64_t rounds)
{
    const size_t size = 65536;
    char *stack = malloc(size);
    if (stack == NULL)
        return -1;
    struct ping_pong pair;
    pair.here.thread_pointer = fibers_thread_pointer();
    fibers_context_make(&pair.there, stack, size, pong, &pair);
    int64_t start = now_ns();
    for (int64_t i = 0; i < rounds; i++)
        fibers_switch(&pair.here, &pair.there);
    double each = (double)(now_ns() - start) / (double)rounds;
    free(stack); // the other context just never runs again
    return each;
}

void fibers_nop(void)
{
}
