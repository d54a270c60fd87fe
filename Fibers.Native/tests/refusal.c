// What the shim cannot work with, it refuses at start, in words.
#include "check.h"

void topic_refusal(void)
{
    char reason[200] = "";
    fibers_fault_set(FIBERS_FAULT_SHADOW_STACK, 0, 1);
    CHECK("shadow stack", fibers_start(reason, sizeof reason) == ENOTSUP);
    CHECK("shadow stack", strstr(reason, "shadow stack") != NULL);

    // A reason that does not fit is cut, not written past its end.
    char small[8];
    memset(small, 'x', sizeof small);
    fibers_fault_set(FIBERS_FAULT_SHADOW_STACK, 0, 1);
    CHECK("shadow stack", fibers_start(small, sizeof small - 1) == ENOTSUP);
    CHECK("shadow stack", strlen(small) == sizeof small - 2 && small[sizeof small - 1] == 'x');
}
