// void registers_across(void (*call)(void *), void *argument, const uint64_t *set, uint64_t *seen);
#include "asm_macros.h"

FUNCTION(registers_across)
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %rcx                // seen; seven pushes and the return address: aligned for the call
    .cfi_adjust_cfa_offset 56
    movq    %rdi, %rax
    movq    %rsi, %rdi
    movq    0(%rdx), %rbx
    movq    8(%rdx), %rbp
    movq    16(%rdx), %r12
    movq    24(%rdx), %r13
    movq    32(%rdx), %r14
    movq    40(%rdx), %r15
    callq   *%rax
    movq    (%rsp), %rcx
    movq    %rbx, 0(%rcx)
    movq    %rbp, 8(%rcx)
    movq    %r12, 16(%rcx)
    movq    %r13, 24(%rcx)
    movq    %r14, 32(%rcx)
    movq    %r15, 40(%rcx)
    popq    %rcx
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    .cfi_adjust_cfa_offset -56
    ret
END_FUNCTION(registers_across)

NO_EXECUTABLE_STACK
