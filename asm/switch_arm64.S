// The stack swap on arm64 (AAPCS64). Sections as in switch_x64.S, which explains the ideas; here only
// what differs is explained.
//
// 0. What is swapped, and what is not
// -----------------------------------
// Callee-saved are x19-x28, the frame pointer x29, sp, the low halves d8-d15 of the vector registers
// (A64-CS), and the rounding mode in FPCR (A64-FP). x30 holds the return address. The thread pointer is
// the register TPIDR_EL0, which user code may always write: no second version is needed.
// x18 is reserved for the platform and left alone (A64-PR).
//
// 1. Pictures
// -----------
//     context.stack_pointer ->  +0    x29, x30 (return address)
//                               +16   x19, x20
//                               +32   x21, x22
//                               +48   x23, x24
//                               +64   x25, x26
//                               +80   x27, x28
//                               +96   d8,  d9
//                               +112  d10, d11
//                               +128  d12, d13
//                               +144  d14, d15
//                               +160  fpcr, padding
//                               +176  the caller's own frame
//
// A context that never ran has x19 = argument, x20 = entry function, x30 = fibers_first_entry.
//
// 2. Registers at entry
// ---------------------
//     fibers_switch        x0 = from, x1 = to
//     fibers_first_entry   x19 = argument, x20 = entry function
//     fibers_detach        x0 = self, x1 = state, w2 = value to publish
//     fibers_revive        x0 = self, x1 = gone, x2 = clone flags

#include "asm_macros.h"

#define SYS_exit  93
#define SYS_futex 98
#define SYS_clone 220
#define FUTEX_WAKE_PRIVATE 129

// DIFFERS: landing pads. `hint #34` is BTI c: an indirect call may land here; older processors ignore it.
#define LANDING_PAD hint #34

#define SAVE_CONTEXT                                                                             \
    stp     x29, x30, [sp, #-FIBERS_SWITCH_FRAME]! ; /* A64-CS: frame record at the bottom,  */  \
    .cfi_def_cfa_offset FIBERS_SWITCH_FRAME ;        /* where walkers look for it            */  \
    .cfi_rel_offset x29, 0      ;                                                                \
    .cfi_rel_offset x30, 8      ;                                                                \
    stp     x19, x20, [sp, #16] ; /* A64-CS: pairs, one instruction for two registers         */ \
    .cfi_rel_offset x19, 16     ;                                                                \
    .cfi_rel_offset x20, 24     ;                                                                \
    stp     x21, x22, [sp, #32] ; /* A64-CS                                                   */ \
    .cfi_rel_offset x21, 32     ;                                                                \
    .cfi_rel_offset x22, 40     ;                                                                \
    stp     x23, x24, [sp, #48] ; /* A64-CS                                                   */ \
    .cfi_rel_offset x23, 48     ;                                                                \
    .cfi_rel_offset x24, 56     ;                                                                \
    stp     x25, x26, [sp, #64] ; /* A64-CS                                                   */ \
    .cfi_rel_offset x25, 64     ;                                                                \
    .cfi_rel_offset x26, 72     ;                                                                \
    stp     x27, x28, [sp, #80] ; /* A64-CS                                                   */ \
    .cfi_rel_offset x27, 80     ;                                                                \
    .cfi_rel_offset x28, 88     ;                                                                \
    stp     d8,  d9,  [sp, #96] ; /* A64-CS: only the low 64 bits are callee-saved            */ \
    stp     d10, d11, [sp, #112]; /* A64-CS                                                   */ \
    stp     d12, d13, [sp, #128]; /* A64-CS                                                   */ \
    stp     d14, d15, [sp, #144]; /* A64-CS                                                   */ \
    mrs     x9, fpcr            ; /* A64-FP: rounding mode, flush-to-zero                     */ \
    str     x9, [sp, #160]

#define RESTORE_CONTEXT                                                                          \
    ldr     x9, [sp, #160]      ; /* A64-FP                                                   */ \
    msr     fpcr, x9            ;                                                                \
    ldp     d14, d15, [sp, #144]; /* A64-CS, the mirror image of the save                     */ \
    ldp     d12, d13, [sp, #128]; /* A64-CS                                                   */ \
    ldp     d10, d11, [sp, #112]; /* A64-CS                                                   */ \
    ldp     d8,  d9,  [sp, #96] ; /* A64-CS                                                   */ \
    ldp     x27, x28, [sp, #80] ; /* A64-CS                                                   */ \
    ldp     x25, x26, [sp, #64] ; /* A64-CS                                                   */ \
    ldp     x23, x24, [sp, #48] ; /* A64-CS                                                   */ \
    ldp     x21, x22, [sp, #32] ; /* A64-CS                                                   */ \
    ldp     x19, x20, [sp, #16] ; /* A64-CS                                                   */ \
    ldp     x29, x30, [sp], #FIBERS_SWITCH_FRAME ; /* A64-CS; x30 is where `ret` goes         */ \
    .cfi_def_cfa_offset 0

// 3. fibers_switch: park `from`, resume `to`
// ------------------------------------------
//     void fibers_switch(fibers_context *from, fibers_context *to);

FUNCTION(fibers_switch)
    LANDING_PAD
    SAVE_CONTEXT
    mov     x9, sp                                      // sp cannot be stored directly
    str     x9, [x0, #FIBERS_CONTEXT_STACK_POINTER]     // park
    ldr     x10, [x1, #FIBERS_CONTEXT_THREAD_POINTER]
    ldr     x9, [x1, #FIBERS_CONTEXT_STACK_POINTER]
    mov     sp, x9                                      // from here we stand on the other stack
    msr     tpidr_el0, x10                              // DIFFERS: one instruction on every processor
    RESTORE_CONTEXT
    ret
END_FUNCTION(fibers_switch)

// 4. fibers_first_entry: where a fabricated context starts
// --------------------------------------------------------

FUNCTION(fibers_first_entry)
    LANDING_PAD
    .cfi_undefined x30          // outermost frame
    mov     x0, x19             // the argument
    mov     x29, xzr            // frame-pointer walkers stop at a zero
    blr     x20                 // A64-SP: sp is 16-byte aligned at all times
    brk     #1                  // must never return
END_FUNCTION(fibers_first_entry)

// 5. fibers_detach: become a context that no kernel thread owns
// -------------------------------------------------------------
//     void fibers_detach(fibers_context *self, uint32_t *state, uint32_t value);

FUNCTION(fibers_detach)
    LANDING_PAD
    SAVE_CONTEXT
    mov     x9, sp
    str     x9, [x0, #FIBERS_CONTEXT_STACK_POINTER]     // the context is complete
    stlr    w2, [x1]                                    // DIFFERS: publishing needs a release store
    // ================ from here on only registers: another carrier may stand on this stack =========
    mov     x0, x1                                      // futex word
    mov     x1, #FUTEX_WAKE_PRIVATE
    mov     x2, #1                                      // one creator waits
    mov     x8, #SYS_futex
    svc     #0
    mov     x0, #0
    mov     x8, #SYS_exit                               // this kernel thread only
    svc     #0
    brk     #1
END_FUNCTION(fibers_detach)

// 6. fibers_revive: give a parked context a kernel thread of its own again
// ------------------------------------------------------------------------
//     long fibers_revive(fibers_context *self, uint32_t *gone, uint64_t flags);

FUNCTION(fibers_revive)
    LANDING_PAD
    mov     x4, x1                                      // clone arg 5: word to clear at exit
    ldr     x3, [x0, #FIBERS_CONTEXT_THREAD_POINTER]    // DIFFERS: clone arg 4 is the thread pointer here
    ldr     x1, [x0, #FIBERS_CONTEXT_STACK_POINTER]     // clone arg 2: stack pointer
    mov     x0, x2                                      // clone arg 1: flags
    mov     x2, #0                                      // clone arg 3: no parent tid word
    mov     x8, #SYS_clone
    svc     #0
    cbz     x0, 1f
    ret                                                 // the caller, with tid or -errno
1:  .cfi_def_cfa_offset FIBERS_SWITCH_FRAME
    RESTORE_CONTEXT
    ret                                                 // the child, into the parked code
END_FUNCTION(fibers_revive)

// 7. Closing notes
// ----------------
// Tells the linker that every entry above has its landing pad and no return address is left unsigned
// where signing matters: a saved x30 never leaves its own stack. (GNU property: BTI.)
    .section .note.gnu.property, "a", %note
    .p2align 3
    .word   4, 16, 5            // name size, descriptor size, NT_GNU_PROPERTY_TYPE_0
    .asciz  "GNU"
    .word   0xc0000000, 4, 1, 0 // feature word: BTI

NO_EXECUTABLE_STACK
