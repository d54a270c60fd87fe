// Descriptor numbers are reused. Each number has a generation, so that a fiber that tried one file can never be parked on, or woken
// by, the next file of the same number. Its low byte counts the closes that are under way; one that fails leaves the rest as it was. Nobody
// begins to wait while there is one: the file may be the old one or the next (DescriptorTable.cs, blocking_call.c). There can be several: the
// number is free before the close has returned.
//
// Ordering   a closer changes `generation`, fences, then reads `interest`; a scheduler that begins to wait sets
//            `interest`, fences, then compares `generation` once more (DescriptorTable.cs). One sees the other.
// The list   of closed descriptors is a stack of numbers, pushed by closers, taken as a whole by carriers;
//            `queued` keeps a number from being pushed twice.
#include "descriptor_memory.h"
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

fibers_descriptor *fibers_descriptor_entry(int descriptor)
{
    return descriptor >= 0 && descriptor < capacity ? &table[descriptor] : NULL;
}

uint32_t fibers_descriptor_generation(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    return entry != NULL ? atomic_load_explicit(&entry->generation, memory_order_acquire) : 0;
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

bool fibers_descriptor_closing(uint32_t generation)
{
    return (generation & FIBERS_CLOSES_UNDER_WAY) != 0;
}

static void wake_waiters(int descriptor)
{
    fibers_descriptor *entry = &table[descriptor];
    if (LIKELY(atomic_load_explicit(&entry->interest, memory_order_seq_cst) == 0) || atomic_exchange(&entry->queued, 1) != 0)
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

// Between vfork and exec a child closes descriptors of its own, in our memory; most of all the standard ones. Asking costs a system call: only
// where somebody might be misled.
static bool is_of_a_child(int descriptor)
{
    bool matters = descriptor <= STDERR_FILENO || atomic_load_explicit(&table[descriptor].interest, memory_order_relaxed) != 0;
    return matters && getpid() != owner;
}

// False: nothing is to be said about this number.
static bool begin_close(int descriptor)
{
    if (descriptor < 0 || descriptor >= capacity || is_of_a_child(descriptor))
        return false;
    atomic_fetch_add(&table[descriptor].generation, 1);
    return true;
}

// Keeps errno.
static void end_close(int descriptor, bool closed)
{
    int error = errno;
    // One close less; and if it did close, the next generation.
    atomic_fetch_add(&table[descriptor].generation, closed ? FIBERS_CLOSES_UNDER_WAY : UINT32_MAX);
    if (closed)
        wake_waiters(descriptor);
    errno = error;
}

// Whatever close says but EBADF, the number is free.
int redirected_close(int descriptor)
{
    bool noted = begin_close(descriptor);
    int result = close(descriptor);
    if (noted)
        end_close(descriptor, result == 0 || errno != EBADF);
    return result;
}

int redirected_dup(int from)
{
    int result = dup(from);
    descriptor_is_shared(from, result);
    return result;
}

int redirected_dup2(int from, int to)
{
    bool noted = from != to && begin_close(to);
    int result = dup2(from, to);
    if (noted)
        end_close(to, result >= 0);
    descriptor_is_shared(from, result);
    return result;
}

int redirected_dup3(int from, int to, int flags)
{
    bool noted = from != to && begin_close(to);
    int result = dup3(from, to, flags);
    if (noted)
        end_close(to, result >= 0);
    descriptor_is_shared(from, result);
    return result;
}
