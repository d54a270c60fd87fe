// Fault injection: tests make the rare paths common. One relaxed load on slow paths when unused.
#include "internal.h"

struct fault {
    _Atomic int32_t after; // passes still to let through
    _Atomic int32_t times; // failures still to deliver; negative: for ever
};
static struct fault faults[FIBERS_FAULT_COUNT];

void fibers_fault_set(uint32_t point, int32_t after, int32_t times)
{
    if (point >= FIBERS_FAULT_COUNT)
        return;
    atomic_store(&faults[point].times, 0);
    atomic_store(&faults[point].after, after);
    atomic_store(&faults[point].times, times);
}

bool fibers_fault(fibers_fault_point point)
{
    struct fault *fault = &faults[point];
    if (LIKELY(atomic_load_explicit(&fault->times, memory_order_relaxed) == 0))
        return false;
    if (atomic_load(&fault->after) > 0 && atomic_fetch_sub(&fault->after, 1) > 0)
        return false;
    int32_t times = atomic_load(&fault->times);
    while (times > 0)
        if (atomic_compare_exchange_weak(&fault->times, &times, times - 1))
            return true;
    return times < 0;
}
