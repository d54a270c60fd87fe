// The stack swap on riscv64 (LP64D). Sections as in switch_x64.S, which explains the ideas; here only
// what differs is explained.
//
// 0. What is swapped, and what is not
// -----------------------------------
// Callee-saved are s0-s11, sp, fs0-fs11 (RV-CS) and the rounding mode in fcsr (RV-FP); ra holds the
// return address. The thread pointer tp is an ordinary register. gp is the same for the whole process.
//
// 1. Pictures
// -----------
//     context.stack_pointer ->  +0    ra (return address)
//                               +8    s0 (frame pointer) ... +96 s11
//                               +104  fs0 ... +192 fs11
//                               +200  fcsr, padding
//                               +224  the caller's own frame
//
// A context that never ran has s1 = argument, s2 = entry function, ra = fibers_first_return.
//
// 2. Registers at entry
// ---------------------
//     fibers_switch        a0 = from, a1 = to
//     fibers_first_entry   s1 = argument, s2 = entry function
//     fibers_detach        a0 = self, a1 = state, a2 = value to publish
//     fibers_revive        a0 = self, a1 = gone, a2 = clone flags

#include "asm_macros.h"

#define SYS_exit  93
#define SYS_futex 98
#define SYS_clone 220
#define FUTEX_WAKE_PRIVATE 129

// DIFFERS: no push and no pairs, so the frame is opened once and filled by offset.
#define SAVE_CONTEXT                                                                             \
    addi    sp, sp, -FIBERS_SWITCH_FRAME ; /* room for all of it                              */ \
    .cfi_def_cfa_offset FIBERS_SWITCH_FRAME ;                                                    \
    sd      ra, 0(sp)           ; /* where the caller goes on                                 */ \
    .cfi_rel_offset ra, 0       ;                                                                \
    sd      s0, 8(sp)           ; /* RV-CS: the caller's frame pointer                        */ \
    .cfi_rel_offset s0, 8       ;                                                                \
    sd      s1, 16(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s1, 16      ;                                                                \
    sd      s2, 24(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s2, 24      ;                                                                \
    sd      s3, 32(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s3, 32      ;                                                                \
    sd      s4, 40(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s4, 40      ;                                                                \
    sd      s5, 48(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s5, 48      ;                                                                \
    sd      s6, 56(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s6, 56      ;                                                                \
    sd      s7, 64(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s7, 64      ;                                                                \
    sd      s8, 72(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s8, 72      ;                                                                \
    sd      s9, 80(sp)          ; /* RV-CS                                                    */ \
    .cfi_rel_offset s9, 80      ;                                                                \
    sd      s10, 88(sp)         ; /* RV-CS                                                    */ \
    .cfi_rel_offset s10, 88     ;                                                                \
    sd      s11, 96(sp)         ; /* RV-CS                                                    */ \
    .cfi_rel_offset s11, 96     ;                                                                \
    fsd     fs0, 104(sp)        ; /* RV-CS: floating point                                    */ \
    .cfi_rel_offset fs0, 104    ;                                                                \
    fsd     fs1, 112(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs1, 112    ;                                                                \
    fsd     fs2, 120(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs2, 120    ;                                                                \
    fsd     fs3, 128(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs3, 128    ;                                                                \
    fsd     fs4, 136(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs4, 136    ;                                                                \
    fsd     fs5, 144(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs5, 144    ;                                                                \
    fsd     fs6, 152(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs6, 152    ;                                                                \
    fsd     fs7, 160(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs7, 160    ;                                                                \
    fsd     fs8, 168(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs8, 168    ;                                                                \
    fsd     fs9, 176(sp)        ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs9, 176    ;                                                                \
    fsd     fs10, 184(sp)       ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs10, 184   ;                                                                \
    fsd     fs11, 192(sp)       ; /* RV-CS                                                    */ \
    .cfi_rel_offset fs11, 192   ;                                                                \
    frcsr   t0                  ; /* RV-FP: rounding mode and flags                           */ \
    sd      t0, 200(sp)           /* RV-FP                                                     */

#define RESTORE_CONTEXT                                                                          \
    ld      t0, 200(sp)         ; /* RV-FP                                                    */ \
    fscsr   t0                  ; /* RV-FP: as it was here                                    */ \
    fld     fs11, 192(sp)       ; /* RV-CS, the mirror image of the save                      */ \
    .cfi_restore fs11           ;                                                                \
    fld     fs10, 184(sp)       ; /* RV-CS                                                    */ \
    .cfi_restore fs10           ;                                                                \
    fld     fs9, 176(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs9            ;                                                                \
    fld     fs8, 168(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs8            ;                                                                \
    fld     fs7, 160(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs7            ;                                                                \
    fld     fs6, 152(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs6            ;                                                                \
    fld     fs5, 144(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs5            ;                                                                \
    fld     fs4, 136(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs4            ;                                                                \
    fld     fs3, 128(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs3            ;                                                                \
    fld     fs2, 120(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs2            ;                                                                \
    fld     fs1, 112(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs1            ;                                                                \
    fld     fs0, 104(sp)        ; /* RV-CS                                                    */ \
    .cfi_restore fs0            ;                                                                \
    ld      s11, 96(sp)         ; /* RV-CS                                                    */ \
    .cfi_restore s11            ;                                                                \
    ld      s10, 88(sp)         ; /* RV-CS                                                    */ \
    .cfi_restore s10            ;                                                                \
    ld      s9, 80(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s9             ;                                                                \
    ld      s8, 72(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s8             ;                                                                \
    ld      s7, 64(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s7             ;                                                                \
    ld      s6, 56(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s6             ;                                                                \
    ld      s5, 48(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s5             ;                                                                \
    ld      s4, 40(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s4             ;                                                                \
    ld      s3, 32(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s3             ;                                                                \
    ld      s2, 24(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s2             ;                                                                \
    ld      s1, 16(sp)          ; /* RV-CS                                                    */ \
    .cfi_restore s1             ;                                                                \
    ld      s0, 8(sp)           ; /* RV-CS                                                    */ \
    .cfi_restore s0             ;                                                                \
    ld      ra, 0(sp)           ; /* where `ret` goes                                         */ \
    .cfi_restore ra             ;                                                                \
    addi    sp, sp, FIBERS_SWITCH_FRAME ; /* drop all of it                                   */ \
    .cfi_def_cfa_offset 0

// 3. fibers_switch: park `from`, resume `to`
// ------------------------------------------
//     void fibers_switch(fibers_context *from, fibers_context *to);

FUNCTION(fibers_switch)
    SAVE_CONTEXT
    sd      sp, FIBERS_CONTEXT_STACK_POINTER(a0)        // park
    ld      t1, FIBERS_CONTEXT_THREAD_POINTER(a1)       // what the thread pointer will be
    ld      sp, FIBERS_CONTEXT_STACK_POINTER(a1)        // from here we stand on the other stack
    mv      tp, t1                                      // DIFFERS: the thread pointer is a register
    fence   rw, w                                       // DIFFERS: release: all of `from` before the word
    sw      zero, FIBERS_CONTEXT_OCCUPIED(a0)           // nobody stands on its stack any more
    RESTORE_CONTEXT
    ret                                                 // into whoever called fibers_switch there
END_FUNCTION(fibers_switch)

// 4. fibers_first_entry: where a fabricated context starts
// --------------------------------------------------------

FUNCTION_RETURNED_INTO(fibers_first_entry, fibers_first_return, ra) // outermost frame: debuggers stop here
    mv      a0, s1              // the argument
    li      s0, 0               // frame-pointer walkers stop at a zero
    jalr    s2                  // RV-SP: sp is 16-byte aligned at all times
    ebreak                      // must never return
END_FUNCTION(fibers_first_entry)

// 5. fibers_detach: become a context that no kernel thread owns
// -------------------------------------------------------------
//     void fibers_detach(fibers_context *self, uint32_t *state, uint32_t value);

FUNCTION(fibers_detach)
    SAVE_CONTEXT
    sd      sp, FIBERS_CONTEXT_STACK_POINTER(a0)        // the context is complete
    fence   rw, w                                       // DIFFERS: release: all of it before the word
    sw      a2, 0(a1)                                   // publish
    // ================ from here on only registers: another carrier may stand on this stack =========
    mv      a0, a1                                      // futex word
    li      a1, FUTEX_WAKE_PRIVATE                      // what to do with it
    li      a2, 1                                       // one creator waits
    li      a7, SYS_futex                               // which system call
    ecall                                               // wake the creator; its answer does not matter
    li      a0, 0                                       // status, unused
    li      a7, SYS_exit                                // this kernel thread only
    ecall                                               // never returns
    ebreak                                              // exit does not return
END_FUNCTION(fibers_detach)

// 6. fibers_revive: give a parked context a kernel thread of its own again
// ------------------------------------------------------------------------
//     long fibers_revive(fibers_context *self, uint32_t *gone, uint64_t flags);

FUNCTION(fibers_revive)
    mv      a4, a1                                      // clone arg 5: word to clear at exit
    ld      a3, FIBERS_CONTEXT_THREAD_POINTER(a0)       // clone arg 4: thread pointer
    ld      a1, FIBERS_CONTEXT_STACK_POINTER(a0)        // clone arg 2: stack pointer
    mv      a0, a2                                      // clone arg 1: flags
    li      a2, 0                                       // clone arg 3: no parent tid word
    li      a7, SYS_clone                               // which system call
    ecall                                               // two threads come back from it
    beqz    a0, 1f                                      // zero in the child, which goes its own way
    ret                                                 // the caller, with tid or -errno
1:  .cfi_def_cfa_offset FIBERS_SWITCH_FRAME             // the child stands on the parked frame
    .cfi_rel_offset ra, 0
    .cfi_rel_offset s0, 8
    RESTORE_CONTEXT
    ret                                                 // into the parked code
END_FUNCTION(fibers_revive)

// 7. Closing notes
// ----------------
// riscv64 on Linux has neither landing pads nor shadow stacks in the kernels supported so far.

NO_EXECUTABLE_STACK
