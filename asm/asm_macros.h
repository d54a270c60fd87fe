// What every routine needs around its instructions, and nothing that changes control flow.
#ifndef FIBERS_ASM_MACROS_H
#define FIBERS_ASM_MACROS_H

#include "context_layout.h"

// Visible to the C half of the shim, invisible outside the library.
#define FUNCTION(name)      \
    .text;                  \
    .p2align 4;             \
    .globl name;            \
    .hidden name;           \
    .type name, %function;  \
name:                       \
    .cfi_startproc

// For a routine that is entered by returning into it, at the second name. Unwinders look a return address up at the byte
// before it, so there must be one, which belongs to the routine and says already that nothing lies further out.
#define FUNCTION_RETURNED_INTO(name, entered, return_register) \
    FUNCTION(name);                 \
    .cfi_undefined return_register; \
    nop;                            \
    .globl entered;                 \
    .hidden entered;                \
entered:

#define END_FUNCTION(name)  \
    .cfi_endproc;           \
    .size name, . - name

// Without this note the linker would give the whole process an executable stack.
#define NO_EXECUTABLE_STACK .section .note.GNU-stack, "", %progbits

#endif
