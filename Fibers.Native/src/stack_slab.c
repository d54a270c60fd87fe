// Stacks by the slab: one big lazily backed mapping cut into equal slots, each with a guard page at its
// low end. A thousand stacks are one line in /proc/self/maps, because the guard is a marker in the page
// tables (MADV_GUARD_INSTALL, Linux 6.13) where the kernel knows it. Elsewhere mprotect splits the mapping,
// two lines per stack, and vm.max_map_count limits the number of fibers (docs/performance.md).
#include "internal.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define SLOTS_PER_SLAB 256

// From one slot to the next, in pages; what is more than a stack is never touched, and is address space only. A stack's size is a power of two
// as a rule, and stacks that far apart would compete for one set of the processor's cache of translations, and their page table entries (eight to a
// cache line) for few sets of its other caches. An odd number takes all sets of the first in turn, and 9 more than a multiple of 16 an odd
// number of lines, and so all sets of the others (`yield-1000` in Fibers.Benchmarks).
static size_t spread(size_t pages)
{
    return (pages + 6) / 16 * 16 + 9;
}

typedef struct slab {
    struct slab *next;
    char *low;
} slab;

struct fibers_stacks {
    pthread_mutex_t lock; // guards everything below
    size_t size;    // of one stack, its guard page included
    size_t spacing; // from one slot to the next
    slab *slabs;
    void **free; // LIFO: the slot used last is still warm
    size_t free_count;
    size_t free_capacity;
};

static size_t page;

size_t fibers_page_size(void)
{
    return page;
}

void fibers_stacks_start(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    void *probe = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe != MAP_FAILED) {
        // An emulator may know nothing of this advice and yet say that all went well: so see what the kernel makes of the page.
        if (madvise(probe, page, MADV_GUARD_INSTALL) == 0 && access(probe, F_OK) != 0 && errno == EFAULT)
            fibers_feature_bits |= FIBERS_FEATURE_GUARD_INSTALL;
        munmap(probe, page);
    }
}

fibers_stacks *fibers_stacks_create(size_t size)
{
    fibers_stacks *stacks = calloc(1, sizeof *stacks);
    if (stacks == NULL)
        return NULL;
    pthread_mutex_init(&stacks->lock, NULL);
    stacks->size = size;
    stacks->spacing = spread(size / page) * page;
    return stacks;
}

void fibers_stacks_destroy(fibers_stacks *stacks)
{
    for (slab *s = stacks->slabs; s != NULL;) {
        slab *next = s->next;
        munmap(s->low, stacks->spacing * SLOTS_PER_SLAB);
        free(s);
        s = next;
    }
    pthread_mutex_destroy(&stacks->lock);
    free(stacks->free);
    free(stacks);
}

size_t fibers_stack_size(const fibers_stacks *stacks)
{
    return stacks->size;
}

static bool install_guard(void *low)
{
    if (fibers_feature_bits & FIBERS_FEATURE_GUARD_INSTALL)
        return madvise(low, page, MADV_GUARD_INSTALL) == 0;
    return mprotect(low, page, PROT_NONE) == 0;
}

// Called with the lock held.
static bool add_slab(fibers_stacks *stacks)
{
    size_t bytes = stacks->spacing * SLOTS_PER_SLAB;
    size_t wanted = stacks->free_capacity + SLOTS_PER_SLAB;
    void **grown = realloc(stacks->free, wanted * sizeof *grown);
    if (grown == NULL)
        return false;
    stacks->free = grown;
    slab *added = malloc(sizeof *added);
    if (added == NULL)
        return false;
    char *low = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (low == MAP_FAILED) {
        free(added);
        errno = ENOMEM;
        return false;
    }
    madvise(low, bytes, MADV_NOHUGEPAGE); // one touched byte must not cost two megabytes
    added->low = low;
    added->next = stacks->slabs;
    stacks->slabs = added;
    stacks->free_capacity = wanted;
    for (size_t i = SLOTS_PER_SLAB; i-- > 0;)
        stacks->free[stacks->free_count++] = low + i * stacks->spacing;
    return true;
}

// Returns the slot's low end, guard page installed, or NULL with errno.
void *fibers_stack_take(fibers_stacks *stacks)
{
    if (fibers_fault(FIBERS_FAULT_STACK)) {
        errno = ENOMEM;
        return NULL;
    }
    void *low = NULL;
    pthread_mutex_lock(&stacks->lock);
    if (stacks->free_count > 0 || add_slab(stacks))
        low = stacks->free[--stacks->free_count];
    pthread_mutex_unlock(&stacks->lock);
    if (low != NULL && !install_guard(low)) {
        int error = errno;
        fibers_stack_give(stacks, low);
        errno = error;
        return NULL;
    }
    return low;
}

void fibers_stack_give(fibers_stacks *stacks, void *low)
{
    madvise((char *)low + page, stacks->size - page, MADV_DONTNEED);
    pthread_mutex_lock(&stacks->lock);
    stacks->free[stacks->free_count++] = low;
    pthread_mutex_unlock(&stacks->lock);
}
