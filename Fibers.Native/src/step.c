// The switch in slow motion, for the swap demo: the trap flag makes the processor stop after every instruction of one kernel
// thread, and the handler writes down what the kernel saved of it. The switch routines themselves are untouched.
//
// The handler runs between the two halves of a swap, when the stack is already the new fiber's and the thread pointer still the
// old one's. So it stands on the carrier's alternate stack, and uses nothing that hangs off the thread pointer: no thread-local,
// no errno, no call of the C library.
#include "internal.h"

#if defined(__x86_64__)

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define TRAP_FLAG 0x100
#define ARCH_GET_FS 0x1003
#define MAX_WORDS 384 // per stack; more than the frames of a carrier or of a shallow fiber

#include "../../asm/context_layout.h"

static struct sigaction previous;
static fibers_recording *_Atomic current;
static int32_t stepped_tid; // the kernel thread that is stopped; written before `current`
static bool inside, leaving; // of the routine; only the handler uses them
static uint64_t instructions;

static long system_call(long number, long a, long b)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return result;
}

static uint64_t fs_base(void)
{
    uint64_t base = 0;
    if (fibers_feature_bits & FIBERS_FEATURE_FSGSBASE)
        __asm__ volatile("rdfsbase %0" : "=r"(base));
    else
        system_call(SYS_arch_prctl, ARCH_GET_FS, (long)&base);
    return base;
}

// The C library keeps a thread's control block above its stack, so the thread pointer bounds what may be read.
static uint64_t words_to_copy(uint64_t low, uint64_t thread_pointer)
{
    uint64_t words = (thread_pointer - low) / 8;
    return words < MAX_WORDS ? words : MAX_WORDS;
}

static void copy(fibers_recording *recording, uint64_t low, uint64_t words)
{
    for (uint64_t i = 0; i < words; i++)
        ((volatile uint64_t *)recording->memory)[recording->memory_count++] = ((const uint64_t *)low)[i];
}

// At the routine's first instruction: rdi and rsi are its arguments, and [rsp] is the return address.
static bool begin_crossing(fibers_recording *recording, const greg_t *registers, uint64_t base)
{
    if (recording->crossing_count == recording->crossing_capacity)
        return false;
    fibers_crossing *crossing = &recording->crossings[recording->crossing_count++];
    crossing->from = (fibers_context *)registers[REG_RDI];
    crossing->to = (fibers_context *)registers[REG_RSI];
    crossing->routine = (uint64_t)registers[REG_RIP];
    crossing->from_low = (uint64_t)registers[REG_RSP] - (FIBERS_SWITCH_FRAME - 8);
    crossing->from_words = words_to_copy(crossing->from_low, base);
    crossing->to_low = (uint64_t)crossing->to->stack_pointer;
    crossing->to_words = words_to_copy(crossing->to_low, (uint64_t)crossing->to->thread_pointer);
    crossing->instructions = instructions;
    instructions = 0;
    return true;
}

static bool write_down(fibers_recording *recording, const ucontext_t *machine, uint64_t base)
{
    const greg_t *r = machine->uc_mcontext.gregs;
    const fibers_crossing *crossing = &recording->crossings[recording->crossing_count - 1];
    if (recording->step_count == recording->step_capacity ||
        recording->memory_count + crossing->from_words + crossing->to_words > recording->memory_capacity)
        return false;
    recording->steps[recording->step_count++] = (fibers_step){
        .rip = (uint64_t)r[REG_RIP], .rsp = (uint64_t)r[REG_RSP], .rbp = (uint64_t)r[REG_RBP], .rbx = (uint64_t)r[REG_RBX],
        .r12 = (uint64_t)r[REG_R12], .r13 = (uint64_t)r[REG_R13], .r14 = (uint64_t)r[REG_R14], .r15 = (uint64_t)r[REG_R15],
        .rax = (uint64_t)r[REG_RAX], .rcx = (uint64_t)r[REG_RCX], .rdi = (uint64_t)r[REG_RDI], .rsi = (uint64_t)r[REG_RSI], .fs_base = base,
        .parked_at = (uint64_t)crossing->from->stack_pointer,
        .mxcsr = machine->uc_mcontext.fpregs->mxcsr, .x87_control = machine->uc_mcontext.fpregs->cwd,
        .crossing = recording->crossing_count - 1, .inside = inside, .memory = recording->memory_count,
    };
    copy(recording, crossing->from_low, crossing->from_words);
    copy(recording, crossing->to_low, crossing->to_words);
    return true;
}

static bool is_first(uint64_t instruction)
{
    return instruction == (uint64_t)fibers_switch || instruction == (uint64_t)fibers_switch_peer;
}

// A routine is one straight line to its end, a `ret` or a jump to an address in a register.
static bool is_last(const uint8_t *instruction)
{
    return instruction[0] == 0xc3 || (instruction[0] == 0xff && (instruction[1] & 0xf8) == 0xe0);
}

// True while the thread is to be stopped again.
static bool step(fibers_recording *recording, const ucontext_t *machine)
{
    const greg_t *registers = machine->uc_mcontext.gregs;
    uint64_t base = fs_base();
    instructions++;
    if (!inside && !leaving) {
        if (!is_first((uint64_t)registers[REG_RIP]))
            return instructions < recording->instruction_limit;
        if (!begin_crossing(recording, registers, base))
            return false;
        inside = true;
    }
    if (!write_down(recording, machine, base))
        return false;
    if (leaving) { // this was the first instruction after the routine
        leaving = false;
        instructions = 0;
        if (recording->crossing_count == recording->crossing_capacity)
            atomic_store(&recording->state, FIBERS_STEP_COMPLETE);
        return recording->crossing_count < recording->crossing_capacity;
    }
    leaving = is_last((const uint8_t *)registers[REG_RIP]);
    inside = !leaving;
    return true;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    if (info->si_code != TRAP_TRACE) { // somebody's breakpoint
        if (previous.sa_flags & SA_SIGINFO && previous.sa_sigaction != NULL)
            previous.sa_sigaction(signal, info, context);
        return;
    }
    ucontext_t *machine = context;
    fibers_recording *recording = atomic_load(&current);
    // A thread that the stepped one has created inherits its flag.
    if (recording != NULL && stepped_tid == (int32_t)system_call(SYS_gettid, 0, 0)) {
        if (step(recording, machine))
            return;
        uint32_t running = FIBERS_STEP_RUNNING;
        atomic_compare_exchange_strong(&recording->state, &running, FIBERS_STEP_GAVE_UP);
        atomic_store(&current, NULL);
    }
    machine->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

int fibers_step_begin(fibers_recording *recording)
{
    static _Atomic bool installed;
    if (atomic_load(&current) != NULL)
        return EBUSY;
    if (!atomic_exchange(&installed, true)) {
        // Never taken away again: a trap may still be on its way when the recording ends.
        struct sigaction ours = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigfillset(&ours.sa_mask);
        if (sigaction(SIGTRAP, &ours, &previous) != 0)
            return errno;
    }
    atomic_store(&recording->state, FIBERS_STEP_RUNNING);
    inside = leaving = false;
    instructions = 0;
    stepped_tid = (int32_t)syscall(SYS_gettid);
    atomic_store(&current, recording);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG); // from here every instruction traps
    return 0;
}

void fibers_step_end(void)
{
    fibers_recording *recording = atomic_exchange(&current, NULL);
    if (recording == NULL)
        return;
    uint32_t running = FIBERS_STEP_RUNNING;
    atomic_compare_exchange_strong(&recording->state, &running, FIBERS_STEP_GAVE_UP);
}

#else

int fibers_step_begin(fibers_recording *recording)
{
    (void)recording;
    return ENOTSUP;
}

void fibers_step_end(void)
{
}

#endif
