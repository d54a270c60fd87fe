// Who makes a redirected call, in a single-file application. There one program is the runtime and libSystem.Native together, with one import of
// each function for both. libSystem.Native may park: managed code calls it directly. The runtime calls with its own locks held, and a fiber that
// parked there would keep them; so its calls, further from managed code, pass through. Elsewhere the two are told apart by their libraries.
#include "frames.h"

// libSystem.Native has a helper between what managed code calls and some of its own calls.
#define MAX_FRAMES_OF_SYSTEM 2

bool fibers_runtime_is_program;
static struct text {
    uintptr_t low, high;
} shim, program;

void fibers_call_origin_learn(bool is_program, uintptr_t low, uintptr_t high)
{
    struct text *text = is_program ? &program : &shim;
    *text = (struct text){low, high};
    fibers_runtime_is_program = shim.high != 0 && program.high != 0;
}

static bool is_in(const struct text *text, const void *address)
{
    return (uintptr_t)address >= text->low && (uintptr_t)address < text->high;
}

bool fibers_called_by_runtime(void **frame)
{
    int frames_of_program = 0;
    for (; frame != NULL; frame = caller_frame(frame)) {
        void *address = return_address_of(frame);
        if (is_in(&shim, address))
            continue; // one redirected call may use another
        if (!is_in(&program, address))
            return false; // managed code, or a library
        if (++frames_of_program > MAX_FRAMES_OF_SYSTEM)
            return true;
    }
    return true; // nobody knows
}
