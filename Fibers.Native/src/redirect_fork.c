// Children of a fiber. What fork copies of our state says that the child's only thread is a fiber; but its carriers, its poller and whoever holds
// a lock have stayed behind. So the child forgets that it is one, and every call of its is the plain one.
//
// After vfork parent and child share even the memory, and there is nothing to forget: until the child has gone its own way the parent does not run,
// so its fiber is pinned for as long.
#include "redirect.h"

#include <sys/syscall.h>

static void in_child(void)
{
    fibers_self = NULL;
    fibers_self_carrier = NULL;
    fibers_imports_in_child();
    fibers_waits_in_child();
}

void fibers_fork_start(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

// Returns what to count down when the child is gone.
__attribute__((used, visibility("hidden"))) uint32_t *fibers_vfork_begins(void)
{
    static uint32_t nobody_is_pinned;
    fibers_vthread *self = fibers_self;
    if (self == NULL)
        return &nobody_is_pinned;
    self->pinned++;
    return &self->pinned;
}

__attribute__((used, visibility("hidden"))) pid_t fibers_vfork_failed(int error)
{
    errno = error;
    return -1;
}

// The child returns first, and writes over this frame: both the way back and what to count down must be in registers, which the kernel keeps.
#if defined(__x86_64__)
__asm__(".text\n"
        ".globl redirected_vfork\n"
        ".hidden redirected_vfork\n"
        ".type redirected_vfork, @function\n"
        "redirected_vfork:\n"
        "    endbr64\n"
        "    subq $8, %rsp\n"
        "    call fibers_vfork_begins\n"
        "    addq $8, %rsp\n"
        "    popq %rdi\n"
        "    movq %rax, %rsi\n"
        "    movl $58, %eax\n" // SYS_vfork
        "    syscall\n"
        "    pushq %rdi\n"
        "    testq %rax, %rax\n"
        "    jz 1f\n"
        "    decl (%rsi)\n"
        "    cmpq $-4095, %rax\n"
        "    jae 2f\n"
        "1:  ret\n"
        "2:  movl %eax, %edi\n"
        "    negl %edi\n"
        "    jmp fibers_vfork_failed\n"
        ".size redirected_vfork, . - redirected_vfork\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl redirected_vfork\n"
        ".hidden redirected_vfork\n"
        ".type redirected_vfork, %function\n"
        ".balign 4\n"
        "redirected_vfork:\n"
        "    hint #34\n" // bti c
        "    stp x29, x30, [sp, #-16]!\n"
        "    mov x29, sp\n"
        "    bl fibers_vfork_begins\n"
        "    ldp x29, x30, [sp], #16\n"
        "    mov x9, x0\n"
        "    mov x0, #0x4111\n" // CLONE_VFORK, CLONE_VM, SIGCHLD
        "    mov x1, xzr\n"
        "    mov x2, xzr\n"
        "    mov x3, xzr\n"
        "    mov x4, xzr\n"
        "    mov x8, #220\n" // SYS_clone
        "    svc #0\n"
        "    cbz x0, 1f\n"
        "    ldr w10, [x9]\n"
        "    sub w10, w10, #1\n"
        "    str w10, [x9]\n"
        "    cmn x0, #4095\n"
        "    b.cs 2f\n"
        "1:  ret\n"
        "2:  neg w0, w0\n"
        "    b fibers_vfork_failed\n"
        ".size redirected_vfork, . - redirected_vfork\n");
#elif defined(__riscv)
__asm__(".text\n"
        ".globl redirected_vfork\n"
        ".hidden redirected_vfork\n"
        ".type redirected_vfork, @function\n"
        ".balign 4\n"
        "redirected_vfork:\n"
        "    addi sp, sp, -16\n"
        "    sd ra, 8(sp)\n"
        "    call fibers_vfork_begins\n"
        "    ld ra, 8(sp)\n"
        "    addi sp, sp, 16\n"
        "    mv t0, a0\n"
        "    li a0, 0x4111\n" // CLONE_VFORK, CLONE_VM, SIGCHLD
        "    li a1, 0\n"
        "    li a2, 0\n"
        "    li a3, 0\n"
        "    li a4, 0\n"
        "    li a7, 220\n" // SYS_clone
        "    ecall\n"
        "    beqz a0, 1f\n"
        "    lw t1, 0(t0)\n"
        "    addiw t1, t1, -1\n"
        "    sw t1, 0(t0)\n"
        "    li t1, -4095\n"
        "    bgeu a0, t1, 2f\n"
        "1:  ret\n"
        "2:  negw a0, a0\n"
        "    tail fibers_vfork_failed\n"
        ".size redirected_vfork, . - redirected_vfork\n");
#endif
