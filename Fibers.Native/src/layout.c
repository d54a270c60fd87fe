// Sizes and offsets as data: the C# mirror is compared with it at start-up and by a test.
#include "internal.h"

#include <stdio.h>

#define WHOLE UINT16_MAX
// Each type, then its fields. Once for their names and once for the numbers: pointers to the names would each need a relocation.
#define LAYOUT(SIZE, FIELD) \
    SIZE(fibers_context) FIELD(fibers_context, stack_pointer) FIELD(fibers_context, thread_pointer) FIELD(fibers_context, occupied) FIELD(fibers_context, reserved) \
    SIZE(fibers_request) FIELD(fibers_request, kind) FIELD(fibers_request, reason) FIELD(fibers_request, descriptor) \
    FIELD(fibers_request, events) FIELD(fibers_request, generation) FIELD(fibers_request, error) FIELD(fibers_request, deadline_ns) \
    FIELD(fibers_request, park_number) FIELD(fibers_request, poll_entries) FIELD(fibers_request, edges) FIELD(fibers_request, reserved) \
    SIZE(fibers_poll_entry) FIELD(fibers_poll_entry, descriptor) FIELD(fibers_poll_entry, events) FIELD(fibers_poll_entry, generation) \
    FIELD(fibers_poll_entry, edges) \
    SIZE(fibers_inbox) FIELD(fibers_inbox, head) FIELD(fibers_inbox, sleepers) FIELD(fibers_inbox, event_descriptor) FIELD(fibers_inbox, kicked) \
    FIELD(fibers_inbox, dozing) FIELD(fibers_inbox, pushes) FIELD(fibers_inbox, carriers) FIELD(fibers_inbox, rescued) \
    FIELD(fibers_inbox, rescue) \
    SIZE(fibers_carrier) FIELD(fibers_carrier, context) FIELD(fibers_carrier, signal_owed) FIELD(fibers_carrier, kernel_tid) \
    FIELD(fibers_carrier, mounted) FIELD(fibers_carrier, switches) FIELD(fibers_carrier, phase) FIELD(fibers_carrier, contested) \
    FIELD(fibers_carrier, index) FIELD(fibers_carrier, rescuer) FIELD(fibers_carrier, inbox) FIELD(fibers_carrier, next) \
    FIELD(fibers_carrier, leaving) \
    SIZE(fibers_vthread) FIELD(fibers_vthread, context) FIELD(fibers_vthread, signal_owed) FIELD(fibers_vthread, running_tid) \
    FIELD(fibers_vthread, carrier) FIELD(fibers_vthread, handed_by) FIELD(fibers_vthread, index) FIELD(fibers_vthread, pinned) \
    FIELD(fibers_vthread, park_word) FIELD(fibers_vthread, request) FIELD(fibers_vthread, handler_depth) FIELD(fibers_vthread, virtual_tid) \
    FIELD(fibers_vthread, cooperative) \
    FIELD(fibers_vthread, inbox) FIELD(fibers_vthread, inbox_next) FIELD(fibers_vthread, stack_low) FIELD(fibers_vthread, stack_high) \
    FIELD(fibers_vthread, cancel_word) FIELD(fibers_vthread, shielded) FIELD(fibers_vthread, uncommitted) \
    FIELD(fibers_vthread, argument) \
    SIZE(fibers_descriptor) FIELD(fibers_descriptor, generation) FIELD(fibers_descriptor, interest) FIELD(fibers_descriptor, closed_next) \
    FIELD(fibers_descriptor, queued) FIELD(fibers_descriptor, edges) FIELD(fibers_descriptor, ending) FIELD(fibers_descriptor, options) \
    FIELD(fibers_descriptor, shared) FIELD(fibers_descriptor, lent) FIELD(fibers_descriptor, known) FIELD(fibers_descriptor, manners) \
    FIELD(fibers_descriptor, time_outs) FIELD(fibers_descriptor, emptied) \
    SIZE(fibers_step) FIELD(fibers_step, rip) FIELD(fibers_step, rsp) FIELD(fibers_step, rbp) FIELD(fibers_step, rbx) FIELD(fibers_step, r12) \
    FIELD(fibers_step, r13) FIELD(fibers_step, r14) FIELD(fibers_step, r15) FIELD(fibers_step, rax) FIELD(fibers_step, rcx) \
    FIELD(fibers_step, rdi) FIELD(fibers_step, rsi) FIELD(fibers_step, fs_base) FIELD(fibers_step, parked_at) FIELD(fibers_step, mxcsr) \
    FIELD(fibers_step, x87_control) FIELD(fibers_step, crossing) FIELD(fibers_step, inside) FIELD(fibers_step, memory) \
    SIZE(fibers_crossing) FIELD(fibers_crossing, from) FIELD(fibers_crossing, to) FIELD(fibers_crossing, routine) \
    FIELD(fibers_crossing, from_low) FIELD(fibers_crossing, from_words) FIELD(fibers_crossing, to_low) FIELD(fibers_crossing, to_words) \
    FIELD(fibers_crossing, instructions) \
    SIZE(fibers_recording) FIELD(fibers_recording, crossings) FIELD(fibers_recording, steps) FIELD(fibers_recording, memory) \
    FIELD(fibers_recording, memory_capacity) FIELD(fibers_recording, memory_count) FIELD(fibers_recording, crossing_capacity) \
    FIELD(fibers_recording, crossing_count) FIELD(fibers_recording, step_capacity) FIELD(fibers_recording, step_count) \
    FIELD(fibers_recording, instruction_limit) FIELD(fibers_recording, state) FIELD(fibers_recording, reserved)

#define NAME(type) #type "\0"
#define FIELD_NAME(type, field) #field "\0"
static const char names[] = LAYOUT(NAME, FIELD_NAME);

#define SIZE(type) {WHOLE, sizeof(type)},
#define FIELD(type, field) {offsetof(type, field), sizeof(((type *)0)->field)},
static const struct {
    uint16_t offset, size;
} layout[] = {LAYOUT(SIZE, FIELD)};

const char *fibers_layout(void)
{
    static char text[8192];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (text[0] == '\0') {
        size_t used = 0;
        const char *type = NULL, *name = names;
        for (size_t i = 0; i < sizeof layout / sizeof layout[0] && used < sizeof text; i++, name += strlen(name) + 1) {
            bool whole = layout[i].offset == WHOLE;
            if (whole)
                type = name;
            used += (size_t)snprintf(text + used, sizeof text - used, "%s %s %u %u\n", type, whole ? "-" : name, whole ? 0 : layout[i].offset, layout[i].size);
        }
    }
    pthread_mutex_unlock(&lock);
    return text;
}

uint32_t fibers_abi_version(void)
{
    return FIBERS_ABI_VERSION;
}
