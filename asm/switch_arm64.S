// The stack swap on arm64 (AAPCS64). Sections as in switch_x64.S, which explains the ideas; here only
// what differs is explained.
//
// 0. What is swapped, and what is not
// -----------------------------------
// Callee-saved are x19-x28, the frame pointer x29, sp, the low halves d8-d15 of the vector registers
// (A64-CS), and the rounding mode in FPCR (A64-FP). x30 holds the return address; it is signed before it
// is stored and checked after it is loaded (A64-PAC), because a parked stack is memory that anybody in
// the process can write for a long time. That works across kernel threads: the key belongs to the
// process, and the other ingredient, sp, is the same at both ends. The thread pointer is
// the register TPIDR_EL0, which user code may always write: no second version is needed.
// x18 is reserved for the platform and left alone (A64-PR).
//
// 1. Pictures
// -----------
//     context.stack_pointer ->  +0    x29, x30 (return address, signed with the sp of +176)
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
// A context that never ran has x19 = argument, x20 = entry function, x30 = fibers_first_return, signed.
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

// DIFFERS: landing pads and signatures, which older processors ignore (A64-BTI, A64-PAC). An indirect call may land
// on either of the first two.
#define LANDING_PAD          hint #34   // bti c
#define SIGN_RETURN_ADDRESS  hint #25   // paciasp: x30, with sp
#define CHECK_RETURN_ADDRESS hint #29   // autiasp

#define SAVE_CONTEXT                                                                             \
    SIGN_RETURN_ADDRESS         ; /* A64-PAC; A64-BTI: it is a landing pad as well            */ \
    .cfi_negate_ra_state        ;                                                                \
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
    .cfi_rel_offset d8, 96      ;                                                                \
    .cfi_rel_offset d9, 104     ;                                                                \
    stp     d10, d11, [sp, #112]; /* A64-CS                                                   */ \
    .cfi_rel_offset d10, 112    ;                                                                \
    .cfi_rel_offset d11, 120    ;                                                                \
    stp     d12, d13, [sp, #128]; /* A64-CS                                                   */ \
    .cfi_rel_offset d12, 128    ;                                                                \
    .cfi_rel_offset d13, 136    ;                                                                \
    stp     d14, d15, [sp, #144]; /* A64-CS                                                   */ \
    .cfi_rel_offset d14, 144    ;                                                                \
    .cfi_rel_offset d15, 152    ;                                                                \
    mrs     x9, fpcr            ; /* A64-FP: rounding mode, flush-to-zero                     */ \
    str     x9, [sp, #160]        /* A64-FP                                                    */

#define RESTORE_CONTEXT                                                                          \
    ldr     x9, [sp, #160]      ; /* A64-FP                                                   */ \
    msr     fpcr, x9            ; /* A64-FP: as it was here                                   */ \
    ldp     d14, d15, [sp, #144]; /* A64-CS, the mirror image of the save                     */ \
    .cfi_restore d14            ;                                                                \
    .cfi_restore d15            ;                                                                \
    ldp     d12, d13, [sp, #128]; /* A64-CS                                                   */ \
    .cfi_restore d12            ;                                                                \
    .cfi_restore d13            ;                                                                \
    ldp     d10, d11, [sp, #112]; /* A64-CS                                                   */ \
    .cfi_restore d10            ;                                                                \
    .cfi_restore d11            ;                                                                \
    ldp     d8,  d9,  [sp, #96] ; /* A64-CS                                                   */ \
    .cfi_restore d8             ;                                                                \
    .cfi_restore d9             ;                                                                \
    ldp     x27, x28, [sp, #80] ; /* A64-CS                                                   */ \
    .cfi_restore x27            ;                                                                \
    .cfi_restore x28            ;                                                                \
    ldp     x25, x26, [sp, #64] ; /* A64-CS                                                   */ \
    .cfi_restore x25            ;                                                                \
    .cfi_restore x26            ;                                                                \
    ldp     x23, x24, [sp, #48] ; /* A64-CS                                                   */ \
    .cfi_restore x23            ;                                                                \
    .cfi_restore x24            ;                                                                \
    ldp     x21, x22, [sp, #32] ; /* A64-CS                                                   */ \
    .cfi_restore x21            ;                                                                \
    .cfi_restore x22            ;                                                                \
    ldp     x19, x20, [sp, #16] ; /* A64-CS                                                   */ \
    .cfi_restore x19            ;                                                                \
    .cfi_restore x20            ;                                                                \
    ldp     x29, x30, [sp], #FIBERS_SWITCH_FRAME ; /* A64-CS; x30 is where `ret` goes         */ \
    .cfi_restore x29            ;                                                                \
    .cfi_restore x30            ;                                                                \
    .cfi_def_cfa_offset 0       ;                                                                \
    CHECK_RETURN_ADDRESS        ; /* A64-PAC: a forged address faults at the `ret`            */ \
    .cfi_negate_ra_state

// 3. fibers_switch: park `from`, resume `to`
// ------------------------------------------
//     void fibers_switch(fibers_context *from, fibers_context *to);

FUNCTION(fibers_switch)
    SAVE_CONTEXT
    mov     x9, sp                                      // sp cannot be stored directly
    str     x9, [x0, #FIBERS_CONTEXT_STACK_POINTER]     // park
    ldr     x10, [x1, #FIBERS_CONTEXT_THREAD_POINTER]   // what the thread pointer will be
    ldr     x9, [x1, #FIBERS_CONTEXT_STACK_POINTER]     // sp cannot be loaded directly either
    mov     sp, x9                                      // from here we stand on the other stack
    msr     tpidr_el0, x10                              // DIFFERS: one instruction on every processor
    add     x9, x0, #FIBERS_CONTEXT_OCCUPIED            // stlr takes no offset
    stlr    wzr, [x9]                                   // DIFFERS: release: nobody stands on its stack any more
    RESTORE_CONTEXT
    ret                                                 // into whoever called fibers_switch there
END_FUNCTION(fibers_switch)

// 4. fibers_first_entry: where a fabricated context starts
// --------------------------------------------------------

FUNCTION_RETURNED_INTO(fibers_first_entry, fibers_first_return, x30) // outermost frame: debuggers stop here
    mov     x0, x19             // the argument
    mov     x29, xzr            // frame-pointer walkers stop at a zero
    blr     x20                 // A64-SP: sp is 16-byte aligned at all times
    brk     #1                  // must never return
END_FUNCTION(fibers_first_entry)

// 5. fibers_detach: become a context that no kernel thread owns
// -------------------------------------------------------------
//     void fibers_detach(fibers_context *self, uint32_t *state, uint32_t value);

FUNCTION(fibers_detach)
    SAVE_CONTEXT
    mov     x9, sp                                      // sp cannot be stored directly
    str     x9, [x0, #FIBERS_CONTEXT_STACK_POINTER]     // the context is complete
    stlr    w2, [x1]                                    // DIFFERS: publishing needs a release store
    // ================ from here on only registers: another carrier may stand on this stack =========
    mov     x0, x1                                      // futex word
    mov     x1, #FUTEX_WAKE_PRIVATE                     // what to do with it
    mov     x2, #1                                      // one creator waits
    mov     x8, #SYS_futex                              // which system call
    svc     #0                                          // wake the creator; its answer does not matter
    mov     x0, #0                                      // status, unused
    mov     x8, #SYS_exit                               // this kernel thread only
    svc     #0                                          // never returns
    brk     #1                                          // exit does not return
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
    mov     x8, #SYS_clone                              // which system call
    svc     #0                                          // two threads come back from it
    cbz     x0, 1f                                      // zero in the child, which goes its own way
    ret                                                 // the caller, with tid or -errno
1:  .cfi_def_cfa_offset FIBERS_SWITCH_FRAME             // the child stands on the parked frame
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    .cfi_negate_ra_state                                // ... where the address is signed
    RESTORE_CONTEXT
    ret                                                 // into the parked code
END_FUNCTION(fibers_revive)

// 7. Closing notes
// ----------------
// Tells the linker that every entry above has its landing pad and that stored return addresses are signed
// (A64-BTI, A64-PAC). fibers_first_entry is reached by `ret` and would need no pad.
    .section .note.gnu.property, "a", %note
    .p2align 3
    .word   4, 16, 5            // name size, descriptor size, NT_GNU_PROPERTY_TYPE_0
    .asciz  "GNU"
    .word   0xc0000000, 4, 3, 0 // feature word: BTI (1) and PAC (2)

NO_EXECUTABLE_STACK
