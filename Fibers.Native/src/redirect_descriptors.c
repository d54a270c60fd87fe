// Descriptor numbers are reused. Each number has a generation, changed before every close, so that a fiber
// that tried one file can never be parked on, or woken by, the next file of the same number.
//
// Ordering   a closer changes `generation`, fences, then reads `interest`; a scheduler that begins to wait sets
//            `interest`, fences, then compares `generation` once more (DescriptorTable.cs). One sees the other.
// The list   of closed descriptors is a stack of numbers, pushed by closers, taken as a whole by carriers;
//            `queued` keeps a number from being pushed twice.
#include "redirect.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_WATCHERS 64

static fibers_descriptor *table;
static int32_t capacity;
static pid_t owner;
static _Atomic int32_t closed_head; // descriptor + 1; 0: empty
static _Atomic(fibers_inbox *) watchers[MAX_WATCHERS];

void fibers_descriptors_start(void)
{
    struct rlimit limit;
    capacity = 1 << 20;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY && limit.rlim_max < (rlim_t)capacity)
        capacity = (int32_t)limit.rlim_max;
    void *memory = mmap(NULL, (size_t)capacity * sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        capacity = 0;
    else
        table = memory;
    owner = getpid();
}

fibers_descriptor *fibers_descriptor_table(int32_t *out)
{
    *out = capacity;
    return table;
}

uint32_t fibers_descriptor_generation(int descriptor)
{
    return descriptor >= 0 && descriptor < capacity ? atomic_load_explicit(&table[descriptor].generation, memory_order_acquire) : 0;
}

_Atomic int32_t *fibers_descriptor_closed(void)
{
    return &closed_head;
}

void fibers_descriptor_watch(fibers_inbox *inbox, int32_t on)
{
    for (int i = 0; i < MAX_WATCHERS; i++) {
        fibers_inbox *expected = on ? NULL : inbox;
        if (atomic_compare_exchange_strong(&watchers[i], &expected, on ? inbox : NULL))
            return;
    }
}

static void closing(int descriptor)
{
    if (descriptor < 0 || descriptor >= capacity)
        return;
    fibers_descriptor *entry = &table[descriptor];
    // A child between vfork and exec closes its own descriptors in our memory.
    if (UNLIKELY(atomic_load_explicit(&entry->interest, memory_order_relaxed) != 0) && getpid() != owner)
        return;
    atomic_fetch_add_explicit(&entry->generation, 1, memory_order_seq_cst);
    if (LIKELY(atomic_load_explicit(&entry->interest, memory_order_seq_cst) == 0))
        return;
    if (atomic_exchange(&entry->queued, 1) != 0)
        return;
    int32_t head = atomic_load(&closed_head);
    do
        atomic_store_explicit(&entry->closed_next, head, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&closed_head, &head, descriptor + 1, memory_order_release, memory_order_relaxed));
    full_fence();
    for (int i = 0; i < MAX_WATCHERS; i++) {
        fibers_inbox *inbox = atomic_load(&watchers[i]);
        if (inbox != NULL && atomic_load(&inbox->sleepers) != 0)
            fibers_inbox_kick(inbox);
    }
}

int redirected_close(int descriptor)
{
    closing(descriptor);
    return close(descriptor);
}

int redirected_dup2(int from, int to)
{
    if (from != to)
        closing(to);
    return dup2(from, to);
}

int redirected_dup3(int from, int to, int flags)
{
    if (from != to)
        closing(to);
    return dup3(from, to, flags);
}
