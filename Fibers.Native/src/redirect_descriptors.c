// Descriptor numbers are reused. Each number has a generation, so that a fiber that tried one file can never be parked on, or woken
// by, the next file of the same number. Its low byte counts the closes that are under way; one that fails leaves the rest as it was. Nobody
// begins to wait while there is one: the file may be the old one or the next (DescriptorTable.cs, blocking_call.c). There can be several: the
// number is free before the close has returned.
//
// Ordering   a closer changes `generation`, fences, then reads `interest`; a scheduler that begins to wait sets
//            `interest`, fences, then compares `generation` once more (DescriptorTable.cs). One sees the other.
// The list   of closed descriptors is a stack of numbers, pushed by closers, taken as a whole by carriers;
//            `queued` keeps a number from being pushed twice.
// Ranges     of numbers are closed at once, perhaps all there can be. Only those count whose generation anybody has asked for: whoever is the first to
//            ask says so, fences, and waits for the ranges under way; who closes a range counts it, fences, and then looks who has asked.
#include "descriptor_memory.h"
#include "redirect.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(SYS_close_range)
#define SYS_close_range 436
#endif

#define MAX_WATCHERS 64

static fibers_descriptor *table;
static int32_t capacity;
static pid_t owner;
static _Atomic int32_t closed_head; // descriptor + 1; 0: empty
static _Atomic(fibers_inbox *) watchers[MAX_WATCHERS];
static _Atomic int32_t highest_known = -1;
static _Atomic uint32_t ranges_under_way;

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

bool fibers_descriptors_of_parent(void)
{
    return getpid() != owner;
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

static void become_known(int descriptor)
{
    int32_t highest = atomic_load(&highest_known);
    while (highest < descriptor && !atomic_compare_exchange_weak(&highest_known, &highest, descriptor)) {
    }
    atomic_store(&table[descriptor].known, 1); // full fence; pairs with redirected_close_range
    while (atomic_load(&ranges_under_way) != 0)
        sched_yield();
}

uint32_t fibers_descriptor_generation(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return 0;
    if (UNLIKELY(atomic_load_explicit(&entry->known, memory_order_relaxed) == 0))
        become_known(descriptor);
    return atomic_load_explicit(&entry->generation, memory_order_acquire);
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
    return matters && fibers_descriptors_of_parent();
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

// ---- closes inside the C library ------------------------------------------------------------------------------------------

// -1: nothing is to be said.
static int begin_close_of(FILE *stream)
{
    int error = errno, descriptor = fileno(stream); // -1 when there is none below it
    errno = error;
    return begin_close(descriptor) ? descriptor : -1;
}

int redirected_fclose(FILE *stream)
{
    int noted = begin_close_of(stream);
    int result = fclose(stream);
    if (noted >= 0)
        end_close(noted, true); // if what was not yet written is lost, too
    return result;
}

FILE *redirected_freopen(const char *path, const char *mode, FILE *stream)
{
    int noted = begin_close_of(stream);
    FILE *result = freopen(path, mode, stream);
    if (noted >= 0)
        end_close(noted, true);
    return result;
}

// It closes, and then waits for the child; meanwhile the number may be another file's, which must not be kept waiting. So first it gets a
// file that nobody can wait for, and to close that one needs no mention.
int redirected_pclose(FILE *stream)
{
    int placeholder = open("/", O_PATH | O_CLOEXEC);
    if (placeholder >= 0)
        fflush(stream);
    int noted = begin_close_of(stream);
    if (noted >= 0 && placeholder >= 0) {
        bool closed = dup3(placeholder, noted, O_CLOEXEC) >= 0;
        end_close(noted, closed);
        noted = closed ? -1 : begin_close_of(stream);
    }
    if (placeholder >= 0)
        close(placeholder);
    int result = pclose(stream);
    if (noted >= 0)
        end_close(noted, true);
    return result;
}

#define AT_ONCE 512

// Of those that anybody knows, at most AT_ONCE.
static int close_some(unsigned int first, unsigned int last, unsigned int known)
{
    uint64_t noted[AT_ONCE / 64] = {0};
    for (unsigned int i = first; i <= last && i < known; i++)
        if (atomic_load(&table[i].known) != 0) {
            atomic_fetch_add(&table[i].generation, 1);
            noted[(i - first) / 64] |= 1ull << (i - first) % 64;
        }
    int result = (int)syscall(SYS_close_range, first, last, 0);
    for (unsigned int i = first; i <= last && i < known; i++)
        if (noted[(i - first) / 64] >> (i - first) % 64 & 1)
            end_close((int)i, result == 0);
    return result;
}

// With flags nothing is closed, or nothing of ours.
int redirected_close_range(unsigned int first, unsigned int last, int flags)
{
    if (flags != 0 || first > last || fibers_descriptors_of_parent())
        return (int)syscall(SYS_close_range, first, last, flags);
    atomic_fetch_add(&ranges_under_way, 1); // full fence; pairs with become_known
    unsigned int known = (unsigned int)(atomic_load(&highest_known) + 1), end;
    int result;
    do {
        end = first < known && last - first >= AT_ONCE ? first + AT_ONCE - 1 : last;
        result = close_some(first, end, known);
        first = end + 1;
    } while (result == 0 && end != last);
    atomic_fetch_sub(&ranges_under_way, 1);
    return result;
}

void redirected_closefrom(int first)
{
    first = first < 0 ? 0 : first;
    if (redirected_close_range((unsigned int)first, UINT_MAX, 0) == 0)
        return;
    for (; first < capacity; first++) // a kernel that knows no ranges
        redirected_close(first);
}
