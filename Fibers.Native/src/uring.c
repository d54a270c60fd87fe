// Files through io_uring: the kernel does the reading, one thread of ours collects what is done.
//
// What        one ring for the process, made at the first use. Fibers queue entries under a lock and wake the ring's
//             thread, which knows nothing of .NET; it submits them, waits for completions, and wakes their fibers.
//             It alone submits because the kernel keeps a set of workers for every thread that does.
// Invariant   at most RING_ENTRIES - 1 jobs are in flight, and one poll of the wake-up descriptor: neither queue can
//             overflow.
// Ordering    the kernel's: a release of the submission tail after the entry is written, an acquire of the
//             completion tail before one is read, a release of the completion head after.
#include "offload.h"

#include <linux/io_uring.h>
#include <signal.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_ENTRIES 256
#define RING_WORKERS 4 // kernel threads the ring may use, bounded and unbounded work each

static struct {
    pthread_mutex_t lock;
    int state; // 0: not tried, 1: works, -1: not to be had
    int descriptor;
    int wake; // eventfd: entries have been queued
    struct io_uring_sqe *entries;
    _Atomic uint32_t *submit_head, *submit_tail;
    uint32_t submit_mask;
    uint32_t *submit_array;
    _Atomic uint32_t *complete_head, *complete_tail;
    uint32_t complete_mask;
    struct io_uring_cqe *completions;
    _Atomic int in_flight;
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic uint64_t submitted;
static _Atomic int forbidden;

uint64_t fibers_uring_count(void)
{
    return atomic_load(&submitted);
}

void fibers_uring_allow(int32_t allow)
{
    atomic_store(&forbidden, !allow);
}

static bool map_ring(int descriptor, const struct io_uring_params *parameters)
{
    size_t submit_size = parameters->sq_off.array + parameters->sq_entries * sizeof(uint32_t);
    size_t complete_size = parameters->cq_off.cqes + parameters->cq_entries * sizeof(struct io_uring_cqe);
    size_t size = submit_size > complete_size ? submit_size : complete_size;
    char *rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, IORING_OFF_SQ_RING);
    void *entries = mmap(NULL, parameters->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, IORING_OFF_SQES);
    if (rings == MAP_FAILED || entries == MAP_FAILED)
        return false;
    ring.entries = entries;
    ring.submit_head = (_Atomic uint32_t *)(rings + parameters->sq_off.head);
    ring.submit_tail = (_Atomic uint32_t *)(rings + parameters->sq_off.tail);
    ring.submit_mask = *(uint32_t *)(rings + parameters->sq_off.ring_mask);
    ring.submit_array = (uint32_t *)(rings + parameters->sq_off.array);
    ring.complete_head = (_Atomic uint32_t *)(rings + parameters->cq_off.head);
    ring.complete_tail = (_Atomic uint32_t *)(rings + parameters->cq_off.tail);
    ring.complete_mask = *(uint32_t *)(rings + parameters->cq_off.ring_mask);
    ring.completions = (struct io_uring_cqe *)(rings + parameters->cq_off.cqes);
    return true;
}

static const uint8_t opcodes[] = {[URING_READ] = IORING_OP_READ, [URING_WRITE] = IORING_OP_WRITE, [URING_FSYNC] = IORING_OP_FSYNC, [URING_FDATASYNC] = IORING_OP_FSYNC};

// With the lock held.
static void queue(const struct io_uring_sqe *entry)
{
    uint32_t tail = atomic_load_explicit(ring.submit_tail, memory_order_relaxed);
    uint32_t index = tail & ring.submit_mask;
    ring.entries[index] = *entry;
    ring.submit_array[index] = index;
    atomic_store_explicit(ring.submit_tail, tail + 1, memory_order_release);
}

static void wake_ring(void)
{
    uint64_t one = 1;
    while (write(ring.wake, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

// Entries queued after this are followed by a new wake-up.
static void watch_for_entries(void)
{
    uint64_t count;
    while (read(ring.wake, &count, sizeof count) < 0 && errno == EINTR) {
    }
    pthread_mutex_lock(&ring.lock);
    queue(&(struct io_uring_sqe){.opcode = IORING_OP_POLL_ADD, .fd = ring.wake, .poll32_events = POLLIN}); // user_data 0: no job
    pthread_mutex_unlock(&ring.lock);
}

static void *ring_main(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "fiber io_uring");
    watch_for_entries();
    for (;;) {
        uint32_t waiting = atomic_load_explicit(ring.submit_tail, memory_order_acquire) - atomic_load_explicit(ring.submit_head, memory_order_acquire);
        if (syscall(SYS_io_uring_enter, ring.descriptor, waiting, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0 && errno != EINTR)
            fibers_block_kernel_thread(1000000); // the kernel is short of something; what it did not take stays queued
        uint32_t head = atomic_load_explicit(ring.complete_head, memory_order_relaxed);
        while (head != atomic_load_explicit(ring.complete_tail, memory_order_acquire)) {
            struct io_uring_cqe done = ring.completions[head & ring.complete_mask];
            atomic_store_explicit(ring.complete_head, ++head, memory_order_release);
            if (done.user_data == 0) {
                watch_for_entries();
                continue;
            }
            atomic_fetch_sub(&ring.in_flight, 1);
            fibers_job_done((fibers_job *)(uintptr_t)done.user_data, done.res < 0 ? -1 : done.res, done.res < 0 ? -done.res : 0);
        }
    }
    return NULL;
}

// With the lock held, once.
static int start_ring(void)
{
    const char *wanted = getenv("FIBERS_IO_URING");
    if (wanted != NULL && wanted[0] == '0')
        return -1;
    struct io_uring_params parameters = {0};
    int descriptor = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, &parameters);
    if (descriptor < 0)
        return -1; // too old, or forbidden (containers often do)
    const uint32_t needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS;
    if ((parameters.features & needed) != needed || !map_ring(descriptor, &parameters)) {
        close(descriptor);
        return -1;
    }
    uint32_t workers[2] = {RING_WORKERS, RING_WORKERS};
    syscall(SYS_io_uring_register, descriptor, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
    ring.descriptor = descriptor;
    ring.wake = eventfd(1, EFD_CLOEXEC); // 1: its thread begins by looking
    if (ring.wake < 0) {
        close(descriptor);
        return -1;
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, ring_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        close(ring.wake);
        close(descriptor);
        return -1;
    }
    pthread_detach(thread);
    return 1;
}

bool fibers_uring(fibers_vthread *self, uring_operation operation, int descriptor, void *buffer, size_t size, int64_t offset, long *result)
{
    if (atomic_load_explicit(&forbidden, memory_order_relaxed))
        return false;
    if (size > INT_MAX)
        size = INT_MAX & ~4095; // as the plain calls: a short count, on a page boundary
    fibers_job job = {.owner = self};
    bool done = false;
    self->shielded++;
    job.number = park_begin(self);
    self->request.park_number = job.number;
    pthread_mutex_lock(&ring.lock);
    if (ring.state == 0)
        ring.state = start_ring();
    if (ring.state > 0 && atomic_load(&ring.in_flight) < RING_ENTRIES - 1) {
        atomic_fetch_add(&ring.in_flight, 1);
        queue(&(struct io_uring_sqe){
            .opcode = opcodes[operation],
            .fd = descriptor,
            .off = (uint64_t)offset,
            .addr = (uint64_t)(uintptr_t)buffer,
            .len = (uint32_t)size,
            .fsync_flags = operation == URING_FDATASYNC ? IORING_FSYNC_DATASYNC : 0,
            .user_data = (uint64_t)(uintptr_t)&job,
        });
        done = true;
    }
    pthread_mutex_unlock(&ring.lock);
    if (done) {
        wake_ring();
        atomic_fetch_add_explicit(&submitted, 1, memory_order_relaxed);
        fibers_job_park(self, &job, FIBERS_REASON_FILE);
        *result = job.result;
        errno = job.error;
    } else {
        atomic_store(&self->park_word, FIBERS_PARK_WORD(job.number, 0, FIBERS_RUNNING));
    }
    self->shielded--;
    return done;
}
