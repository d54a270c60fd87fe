// registers_<architecture>.S: what no C function can do, hold known values in every callee-saved register at once.
#ifndef FIBERS_TEST_REGISTERS_H
#define FIBERS_TEST_REGISTERS_H

#include <stdint.h>

#if defined(__x86_64__)
#define CALLEE_SAVED "X64-CS"
#define STACK_ALIGNMENT "X64-SP"
#define FLOATING_CONTROL "X64-FP"
#define CALLEE_SAVED_COUNT 6 // rbx, rbp, r12-r15
#elif defined(__aarch64__)
#define CALLEE_SAVED "A64-CS"
#define STACK_ALIGNMENT "A64-SP"
#define FLOATING_CONTROL "A64-FP"
#define CALLEE_SAVED_COUNT 19 // x19-x29, d8-d15
#elif defined(__riscv)
#define CALLEE_SAVED "RV-CS"
#define STACK_ALIGNMENT "RV-SP"
#define FLOATING_CONTROL "RV-FP"
#define CALLEE_SAVED_COUNT 24 // s0-s11, fs0-fs11
#endif

// Puts `set` into the callee-saved registers, calls, and writes what they hold then to `seen`.
void registers_across(void (*call)(void *), void *argument, const uint64_t *set, uint64_t *seen);

#endif
