// The stack swap on x64 (System V ABI). This is the reference version: the other two architectures
// have the same sections in the same order and explain only what differs.
//
// 0. What is swapped, and what is not
// -----------------------------------
// A C function may expect a call to leave rbx, rbp, r12-r15, rsp, the rounding mode (mxcsr, x87
// control word) and the direction flag as they were; everything else it must assume destroyed
// (rules X64-CS, X64-FP in docs/porting.md). fibers_switch IS such a call, so these few registers are
// the whole state of a parked fiber. On top of them it swaps FS base, the thread pointer: errno,
// every thread-local variable, pthread_self() and the .NET Thread hang off it, and they must follow
// the fiber to whatever kernel thread runs it next.
// Not swapped: the signal mask, the alternate signal stack, the kernel's idea of the thread. They
// belong to the carrier.
//
// 1. Pictures
// -----------
// A parked context is one pointer into its own stack (low addresses at the top):
//
//     context.stack_pointer ->  +0   mxcsr (4 bytes), x87 control word (2), padding
//                               +8   r15
//                               +16  r14
//                               +24  r13
//                               +32  r12
//                               +40  rbx
//                               +48  rbp
//                               +56  return address: where the caller of fibers_switch goes on
//                               +64  the caller's own frame, untouched
//
// A context that never ran (fibers_context_make) has the same shape, with r12 = argument,
// r13 = entry function and the return address fibers_first_return.
// A detached virtual thread has the same shape too: fibers_detach saved it.
//
// 2. Registers at entry
// ---------------------
//     fibers_switch_*      rdi = fibers_context *from, rsi = fibers_context *to
//     fibers_first_entry   r12 = argument, r13 = entry function
//     fibers_detach        rdi = fibers_context *self, rsi = uint32_t *state, edx = value to publish
//     fibers_revive        rdi = fibers_context *self, rsi = uint32_t *gone, edx = clone flags

#include "asm_macros.h"

#define SYS_exit       60
#define SYS_clone      56
#define SYS_arch_prctl 158
#define SYS_futex      202
#define ARCH_SET_FS    0x1002
#define FUTEX_WAKE_PRIVATE 129

// Save column: pushed in this order, so that rbp sits next to the return address, where debuggers
// and frame-pointer walkers look for it.
#define SAVE_CONTEXT                                                                             \
    pushq   %rbp                ; /* X64-CS: the caller's frame pointer                       */ \
    .cfi_adjust_cfa_offset 8    ;                                                                \
    .cfi_rel_offset rbp, 0      ;                                                                \
    pushq   %rbx                ; /* X64-CS: callers keep anything here, a loop counter say   */ \
    .cfi_adjust_cfa_offset 8    ;                                                                \
    .cfi_rel_offset rbx, 0      ;                                                                \
    pushq   %r12                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset 8    ;                                                                \
    .cfi_rel_offset r12, 0      ;                                                                \
    pushq   %r13                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset 8    ;                                                                \
    .cfi_rel_offset r13, 0      ;                                                                \
    pushq   %r14                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset 8    ;                                                                \
    .cfi_rel_offset r14, 0      ;                                                                \
    pushq   %r15                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset 8    ;                                                                \
    .cfi_rel_offset r15, 0      ;                                                                \
    leaq    -8(%rsp), %rsp      ; /* room for the two floating-point control words            */ \
    .cfi_adjust_cfa_offset 8    ;                                                                \
    stmxcsr (%rsp)              ; /* X64-FP: SSE rounding mode and exception masks            */ \
    fnstcw  4(%rsp)               /* X64-FP: the x87 twin, for long double                    */

// Restore column: the mirror image, read bottom to top.
#define RESTORE_CONTEXT                                                                          \
    ldmxcsr (%rsp)              ; /* X64-FP                                                   */ \
    fldcw   4(%rsp)             ; /* X64-FP                                                   */ \
    leaq    8(%rsp), %rsp       ; /* drop the control words                                   */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    popq    %r15                ; /* X64-CS, in reverse order of the pushes                   */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    .cfi_restore r15            ;                                                                \
    popq    %r14                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    .cfi_restore r14            ;                                                                \
    popq    %r13                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    .cfi_restore r13            ;                                                                \
    popq    %r12                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    .cfi_restore r12            ;                                                                \
    popq    %rbx                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    .cfi_restore rbx            ;                                                                \
    popq    %rbp                ; /* X64-CS                                                   */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    .cfi_restore rbp

// 3. fibers_switch: park `from`, resume `to`
// ------------------------------------------
//     void fibers_switch_fsgsbase(fibers_context *from, fibers_context *to);
//     void fibers_switch_syscall (fibers_context *from, fibers_context *to);
//     void fibers_switch_peer_fsgsbase(fibers_context *from, fibers_context *to);
// Versions with and without the instruction because the thread pointer can be written by one instruction only where processor and
// kernel allow it (thread_pointer.c decides once). Unwind information stays right across the stack
// swap without a word about it: both stacks have the same shape at that instruction.

// The processor predicts where a `ret` goes from the calls it has seen, and those were made on the stack that is left. Between a carrier and
// a fiber that is always wrong: so fibers_switch leaves by a jump. Between two fibers that hand the carrier over, both
// stand at the same place of the same function: the call it has seen is the right one, and so are those around
// it. So fibers_switch_peer is the same with a `ret`, and every return after it is predicted too.
// The thread pointer comes after the registers because writing it makes the processor wait for everything before it and hold
// back everything after it. Until then the stack is the new one and the thread-locals are the old: a signal handler that runs in between finds
// a thread in native code, as it does before and after. (`switch-raw` and `yield-1000` in Fibers.Benchmarks measure it.)
// The last word is for whoever waits to run `from`: one that gives way lies in a queue before it has left, and another carrier may
// have found it there (VirtualThread.Yield). For everybody else it was 0 already.

#define JUMP_TO_SAVED_ADDRESS                                                                    \
    popq    %rcx                ; /* X64-SP: rsp is now what it was before the call           */ \
    .cfi_adjust_cfa_offset -8   ;                                                                \
    .cfi_register rip, rcx

FUNCTION(fibers_switch_fsgsbase)
    SAVE_CONTEXT
    movq    %rsp, FIBERS_CONTEXT_STACK_POINTER(%rdi)    // the whole parked state is this one word
    movq    FIBERS_CONTEXT_THREAD_POINTER(%rsi), %rax   // what FS base will be
    movq    FIBERS_CONTEXT_STACK_POINTER(%rsi), %rsp    // from here we stand on the other stack
    RESTORE_CONTEXT
    JUMP_TO_SAVED_ADDRESS
    wrfsbase %rax                                       // from here thread-locals are its own
    movl    $0, FIBERS_CONTEXT_OCCUPIED(%rdi)           // nobody stands on its stack any more (x64 stores are releases)
    jmpq    *%rcx                                       // into whoever called fibers_switch there
END_FUNCTION(fibers_switch_fsgsbase)

FUNCTION(fibers_switch_peer_fsgsbase)
    SAVE_CONTEXT
    movq    %rsp, FIBERS_CONTEXT_STACK_POINTER(%rdi)    // as above
    movq    FIBERS_CONTEXT_THREAD_POINTER(%rsi), %rax   // what FS base will be
    movq    FIBERS_CONTEXT_STACK_POINTER(%rsi), %rsp    // the other stack
    RESTORE_CONTEXT
    wrfsbase %rax                                       // the other thread-locals
    movl    $0, FIBERS_CONTEXT_OCCUPIED(%rdi)           // nobody stands on its stack any more (x64 stores are releases)
    ret                                                 // to where this one was called from, too
END_FUNCTION(fibers_switch_peer_fsgsbase)

FUNCTION(fibers_switch_syscall)
    SAVE_CONTEXT
    movq    %rsp, FIBERS_CONTEXT_STACK_POINTER(%rdi)    // park
    movq    %rdi, %r8                                   // `from`: the system call wants that register
    movq    FIBERS_CONTEXT_STACK_POINTER(%rsi), %rsp    // swap the stack
    movq    FIBERS_CONTEXT_THREAD_POINTER(%rsi), %rsi   // second argument: the new thread pointer
    movl    $ARCH_SET_FS, %edi                          // first argument: what to set
    movl    $SYS_arch_prctl, %eax                       // which system call
    syscall                                             // destroys only rcx and r11, both caller-saved
    movl    $0, FIBERS_CONTEXT_OCCUPIED(%r8)            // nobody stands on its stack any more (x64 stores are releases)
    RESTORE_CONTEXT
    JUMP_TO_SAVED_ADDRESS
    jmpq    *%rcx                                       // into whoever called fibers_switch there
END_FUNCTION(fibers_switch_syscall)

// 4. fibers_first_entry: where a fabricated context starts
// --------------------------------------------------------
// Reached by the last jump of fibers_switch. Used for bare contexts (tests, the raw benchmark); virtual
// threads are born on a kernel thread instead and arrive here never.

FUNCTION_RETURNED_INTO(fibers_first_entry, fibers_first_return, rip) // outermost frame: debuggers stop here
    movq    %r12, %rdi          // the argument travelled in a callee-saved register
    xorl    %ebp, %ebp          // frame-pointer walkers stop at a zero
    callq   *%r13               // X64-SP: rsp is 16-byte aligned before this call
    ud2                         // a bare context must switch away for good, never return
END_FUNCTION(fibers_first_entry)

// 5. fibers_detach: become a context that no kernel thread owns
// -------------------------------------------------------------
//     void fibers_detach(fibers_context *self, uint32_t *state, uint32_t value);
// Saves the context exactly as fibers_switch does, publishes that it is ready, and ends the KERNEL
// thread while the C library's thread, its stack and its .NET thread live on. It returns when a
// carrier first switches to the context.

FUNCTION(fibers_detach)
    SAVE_CONTEXT
    movq    %rsp, FIBERS_CONTEXT_STACK_POINTER(%rdi)    // the context is complete
    movl    %edx, (%rsi)                                // publish (x64 stores are releases)
    // ================ from here on only registers: another carrier may stand on this stack =========
    movq    %rsi, %rdi                                  // futex word
    movl    $FUTEX_WAKE_PRIVATE, %esi                   // what to do with it
    movl    $1, %edx                                    // one creator waits
    movl    $SYS_futex, %eax                            // which system call
    syscall                                             // wake the creator; its answer does not matter
    xorl    %edi, %edi                                  // status, unused
    movl    $SYS_exit, %eax                             // this kernel thread only, no C library exit
    syscall                                             // never returns
    ud2                                                 // exit does not return
END_FUNCTION(fibers_detach)

// 6. fibers_revive: give a parked context a kernel thread of its own again
// ------------------------------------------------------------------------
//     long fibers_revive(fibers_context *self, uint32_t *gone, uint64_t flags);
// The new kernel thread starts with rsp already in the parked context (clone sets it) and FS base
// already its thread pointer (CLONE_SETTLS), so it needs no stack of its own: it just restores.
// The kernel clears *gone when that thread has left this memory for good. Returns the kernel thread
// id, or -errno. Signals must be blocked by the caller; the child inherits that.

FUNCTION(fibers_revive)
    movq    %rsi, %r10                                  // clone arg 4: word to clear at exit
    movq    FIBERS_CONTEXT_THREAD_POINTER(%rdi), %r8    // clone arg 5: thread pointer
    movq    FIBERS_CONTEXT_STACK_POINTER(%rdi), %rsi    // clone arg 2: stack pointer
    movq    %rdx, %rdi                                  // clone arg 1: flags
    xorl    %edx, %edx                                  // clone arg 3: no parent tid word
    movl    $SYS_clone, %eax                            // which system call
    syscall                                             // two threads come back from it
    testq   %rax, %rax                                  // zero in the child
    jz      1f                                          // the child goes its own way
    ret                                                 // the caller, with tid or -errno
1:  // The child. Its stack is the parked one, so the frame is that of fibers_switch.
    .cfi_adjust_cfa_offset FIBERS_SWITCH_FRAME - 8
    .cfi_rel_offset rbp, 48
    RESTORE_CONTEXT
    ret                                                 // into the parked code
END_FUNCTION(fibers_revive)

// 7. Closing notes
// ----------------
// Shadow stacks (CET) are detected and refused at start-up (docs/porting.md), so nothing here
// maintains one. Landing pads are missing too: the jump that ends a switch goes to a return address, and the
// library is built without IBT.

NO_EXECUTABLE_STACK
