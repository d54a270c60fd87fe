// The saved context: which fields the assembly reads, and where. This list is the only place that
// says so: the assembler takes its names from it, C asserts it against the struct (thread_pointer.c),
// and the shim exports it as data so that a test can compare it with the C# bindings.
//
//   X(name for the assembler, C struct, C field, byte offset)
#ifndef FIBERS_CONTEXT_LAYOUT_H
#define FIBERS_CONTEXT_LAYOUT_H

#define FIBERS_CONTEXT_STACK_POINTER  0
#define FIBERS_CONTEXT_THREAD_POINTER 8
#define FIBERS_CONTEXT_OCCUPIED       16

#define FIBERS_CONTEXT_LAYOUT(X)                                                       \
    X(FIBERS_CONTEXT_STACK_POINTER,  fibers_context, stack_pointer)                    \
    X(FIBERS_CONTEXT_THREAD_POINTER, fibers_context, thread_pointer)                   \
    X(FIBERS_CONTEXT_OCCUPIED,       fibers_context, occupied)

// Bytes of callee-saved state that fibers_switch pushes, return address included.
#if defined(__x86_64__)
#define FIBERS_SWITCH_FRAME 64
#elif defined(__aarch64__)
#define FIBERS_SWITCH_FRAME 176
#elif defined(__riscv)
#define FIBERS_SWITCH_FRAME 224
#endif

#endif
