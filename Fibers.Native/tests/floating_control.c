// The rounding mode and its companions belong to the fiber: they follow it, and a neighbour's never leak in.
#include "check.h"
#include "registers.h"

#include <fenv.h>
#include <stdlib.h>

#define STACK 65536
#define FIBERS 4

static fibers_context here, there[FIBERS];
static const int modes[FIBERS] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

// The control bits beyond rounding: flush-to-zero, and the precision of x87.
static void set_extra(int on)
{
#if defined(__x86_64__)
    uint32_t control = (__builtin_ia32_stmxcsr() & ~0x8040u) | (on ? 0x8040u : 0);
    __builtin_ia32_ldmxcsr(control);
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    x87 = (uint16_t)((x87 & ~0x300) | (on ? 0 : 0x300));
    __asm__ volatile("fldcw %0" : : "m"(x87));
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    control = (control & ~(3ull << 24)) | (on ? 3ull << 24 : 0); // FZ and DN
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#else
    (void)on; // riscv64 has the rounding mode only
#endif
}

static int extra(void)
{
#if defined(__x86_64__)
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    int on = (__builtin_ia32_stmxcsr() & 0x8040u) == 0x8040u;
    return on == ((x87 & 0x300) == 0) ? on : -1;
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return (control >> 24 & 3) == 3;
#else
    return -2;
#endif
}

static double third(double sign)
{
    volatile double one = sign, three = 3;
    return one / three;
}

static void with_mode(void *argument)
{
    int i = (int)((fibers_context *)argument - there);
    CHECK(FLOATING_CONTROL, fegetround() == FE_TONEAREST); // a new context has its maker's
    fesetround(modes[i]);
    set_extra(i & 1);
    double up = third(1), down = third(-1);
    for (;;) {
        fibers_context_switch(&there[i], &here);
        CHECK(FLOATING_CONTROL, fegetround() == modes[i]);
        CHECK(FLOATING_CONTROL, extra() == -2 || extra() == (i & 1));
        CHECK(FLOATING_CONTROL, third(1) == up && third(-1) == down);
    }
}

void topic_floating_control(void)
{
    here.thread_pointer = __builtin_thread_pointer();
    for (int i = 0; i < FIBERS; i++)
        fibers_context_make(&there[i], malloc(STACK), STACK, with_mode, &there[i]);
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < FIBERS; i++) {
            fibers_context_switch(&here, &there[i]);
            CHECK(FLOATING_CONTROL, fegetround() == FE_TONEAREST);
            CHECK(FLOATING_CONTROL, extra() == -2 || extra() == 0);
        }
    CHECK(FLOATING_CONTROL, third(1) < 1.0 / 3 + 1e-15);
}
