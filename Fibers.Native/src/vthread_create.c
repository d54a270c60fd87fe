// Birth of a virtual thread: a real thread of the C library on a stack of ours, which attaches itself to
// the .NET runtime and then gives its kernel thread up (fibers_detach). See DESIGN, "the life of a
// virtual thread", in docs/design.md.
#include "internal.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// Above every id the kernel gives out (PID_MAX_LIMIT is 2^22), below bit 30, which robust futexes use. Each process has a stretch of its own as far as they go: a lock that processes
// share knows its owner by this id.
#define FIRST_VIRTUAL_TID (1 << 22)
#define TIDS_PER_PROCESS (1 << 16)
#define STRETCHES 16000
#define BOOT_DETACHED 1u
#define CACHE_LINE 64
#define BLOCKS_PER_CHUNK 32

// Blocks are never freed, only reused: a waker that is late may still look at a park word, and must find
// one, under a later number.
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static vthread_block *free_blocks;
vthread_block *fibers_all_vthreads; // for debuggers (docs/fibers.gdb): every block ever made
static uint32_t blocks_made;
static int32_t first_tid;

// Offsets of our two thread-locals from a pthread_t: every thread has them at the same place, so that
// pthread_kill can ask a thread whether it is virtual without any table.
static ptrdiff_t self_offset, self_carrier_offset;

void fibers_vthread_start(void)
{
    first_tid = FIRST_VIRTUAL_TID + getpid() % STRETCHES * TIDS_PER_PROCESS;
    self_offset = (char *)&fibers_self - (char *)pthread_self();
    self_carrier_offset = (char *)&fibers_self_carrier - (char *)pthread_self();
}

fibers_vthread *fibers_vthread_of(pthread_t thread)
{
    return *(fibers_vthread **)((char *)thread + self_offset);
}

fibers_carrier *fibers_carrier_of(pthread_t thread)
{
    return *(fibers_carrier **)((char *)thread + self_carrier_offset);
}

fibers_vthread *fibers_vthread_current(void)
{
    return fibers_self;
}

void *fibers_vthread_current_function(void)
{
    return (void *)fibers_vthread_current;
}

// Many at a time, side by side: else what the runtime allocates for each new thread would come to lie between them. Called with the lock held.
static vthread_block *fresh_block(void)
{
    static char *next, *end;
    size_t size = (sizeof(vthread_block) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    if (next == end) {
        char *chunk = aligned_alloc(CACHE_LINE, size * BLOCKS_PER_CHUNK);
        if (chunk == NULL)
            return NULL;
        next = memset(chunk, 0, size * BLOCKS_PER_CHUNK);
        end = next + size * BLOCKS_PER_CHUNK;
    }
    vthread_block *block = (vthread_block *)next;
    next += size;
    return block;
}

static vthread_block *take_block(void)
{
    pthread_mutex_lock(&blocks_lock);
    vthread_block *block = free_blocks;
    if (block != NULL) {
        free_blocks = block->free_next;
        pthread_mutex_unlock(&blocks_lock);
        uint64_t number = FIBERS_PARK_NUMBER(atomic_load(&block->public.park_word));
        uint32_t index = block->public.index;
        int32_t tid = block->public.virtual_tid;
        vthread_block *next = block->all_next;
        memset(block, 0, sizeof *block);
        block->public.index = index;
        block->public.virtual_tid = tid;
        block->all_next = next;
        atomic_store(&block->public.park_word, FIBERS_PARK_WORD(number, 0, FIBERS_RUNNING));
        return block;
    }
    block = fresh_block();
    if (block != NULL) {
        block->public.index = blocks_made;
        block->public.virtual_tid = first_tid + 1 + (int32_t)blocks_made;
        blocks_made++;
        block->all_next = fibers_all_vthreads;
        fibers_all_vthreads = block;
    }
    pthread_mutex_unlock(&blocks_lock);
    return block;
}

static void give_block(vthread_block *block)
{
    pthread_mutex_lock(&blocks_lock);
    block->free_next = free_blocks;
    free_blocks = block;
    pthread_mutex_unlock(&blocks_lock);
}

// Stacks are whole pages apart, so without this the tops of all of them, which every switch touches, would compete for the
// few places the processor's caches have for one page offset (`yield-1000` in Fibers.Benchmarks). Half a page is enough, and
// what a shallow fiber touches then still fits in two (`scale-10000`).
static char *staggered_top(const vthread_block *block, const fibers_stacks *stacks)
{
    size_t lines = fibers_page_size() / 2 / CACHE_LINE;
    return (char *)block->slot + fibers_stack_size(stacks) - block->public.index * 37 % lines * CACHE_LINE; // 37: neighbours far apart
}

static void *vthread_main(void *argument)
{
    vthread_block *block = argument;
    fibers_vthread *self = &block->public;
    fibers_thread_block_leave_rseq();
    self->context.thread_pointer = fibers_thread_pointer();
    block->thread = pthread_self();
    fibers_thread_block_set_tid(block->thread, self->virtual_tid);
    // The kernel forgets what it knows of this thread block: it must not clear the id, nor walk the
    // list of robust mutexes, when this kernel thread ends and the virtual thread lives on.
    syscall(SYS_set_tid_address, &block->kernel_exit);
    syscall(SYS_set_robust_list, NULL, 3 * sizeof(void *));
    fibers_self = self;
    block->entry(self); // calls fibers_vthread_detach; returns when the virtual thread is to end
    return NULL;        // on a kernel thread again (vthread_revive.c): the C library's ordinary exit
}

// The creator sleeps until the newborn has detached, so the two only take turns: on one processor that is one switch, and elsewhere the kernel
// would first rouse an idle processor for each of them (`scale-10000`). The newborn inherits the narrow mask, and keeps it for
// as long as it has this kernel thread: until it detaches. Not on the main thread, whose mask .NET copies to each thread that it starts just then.
// False: it may be born anywhere.
static bool stay_on_this_processor(cpu_set_t *before)
{
    if ((pid_t)syscall(SYS_gettid) == getpid())
        return false;
    int here = sched_getcpu();
    if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof *before, before) != 0)
        return false;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(here, &only);
    return sched_setaffinity(0, sizeof only, &only) == 0;
}

int fibers_vthread_create(fibers_stacks *stacks, fibers_inbox *inbox, void (*entry)(fibers_vthread *), void *argument, fibers_vthread **result)
{
    void *low = fibers_stack_take(stacks);
    if (low == NULL)
        return errno;
    vthread_block *block = take_block();
    if (block == NULL) {
        fibers_stack_give(stacks, low);
        return ENOMEM;
    }
    block->stacks = stacks;
    block->slot = low;
    block->entry = entry;
    block->public.inbox = inbox;
    block->public.argument = argument;
    block->public.stack_low = (char *)low + fibers_page_size();
    block->public.stack_high = staggered_top(block, stacks);
    block->public.pinned = 1; // until it is detached there is no carrier to go back to
    atomic_store(&block->kernel_exit, 1);

    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int error = pthread_attr_setstack(&attributes, block->public.stack_low, (size_t)((char *)block->public.stack_high - (char *)block->public.stack_low));
    pthread_t thread;
    if (error == 0 && fibers_fault(FIBERS_FAULT_THREAD))
        error = EAGAIN;
    if (error == 0) {
        // Blocked from the first instruction to the last: no handler may run on a stack that another
        // carrier may already use.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        cpu_set_t processors;
        bool narrowed = stay_on_this_processor(&processors);
        error = pthread_create(&thread, &attributes, vthread_main, block);
        if (narrowed)
            sched_setaffinity(0, sizeof processors, &processors); // whoever changes them just now is overruled
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        fibers_stack_give(stacks, low);
        give_block(block);
        return error;
    }
    while (atomic_load_explicit(&block->boot_state, memory_order_acquire) != BOOT_DETACHED)
        fibers_futex_wait(&block->boot_state, 0, -1);
    *result = &block->public;
    return 0;
}

void fibers_detach_context(fibers_vthread *self)
{
    fibers_detach(&self->context, &((vthread_block *)self)->boot_state, BOOT_DETACHED);
}

void fibers_vthread_forget(vthread_block *block)
{
    fibers_stack_give(block->stacks, block->slot);
    give_block(block);
}
