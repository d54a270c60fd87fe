// The two fields of the C library's thread block that a virtual thread must own: its thread id and its
// restartable-sequence area. The id's place is not public, so it is found by looking.
#include "internal.h"

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK_BYTES 2304 // no glibc so far has a longer struct pthread
#define RSEQ_UNREGISTER 1
#if defined(__x86_64__)
#define RSEQ_SIGNATURE 0x53053053u
#elif defined(__aarch64__)
#define RSEQ_SIGNATURE 0xd428bc00u
#elif defined(__riscv)
#define RSEQ_SIGNATURE 0xf1401073u
#endif

// Published by glibc 2.35 and later; absent elsewhere.
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static size_t tid_offset;

struct probe {
    size_t candidates[BLOCK_BYTES / sizeof(int32_t)];
    size_t count;
};

// On a fresh thread, whose id is neither the process id nor anything else the block may hold.
static void *probe_main(void *argument)
{
    struct probe *probe = argument;
    const char *block = (const char *)pthread_self();
    int32_t tid = (int32_t)syscall(SYS_gettid);
    for (size_t offset = 0; offset < BLOCK_BYTES; offset += sizeof(int32_t)) {
        int32_t value;
        memcpy(&value, block + offset, sizeof value);
        if (value == tid)
            probe->candidates[probe->count++] = offset;
    }
    return NULL;
}

// Others keep a list of all threads that a thread must leave in person, with a lock that the kernel releases.
#if defined(__GLIBC__)
#define IS_GLIBC true
#else
#define IS_GLIBC false
#endif

int fibers_thread_block_start(char *reason, size_t size)
{
    if (!IS_GLIBC) {
        snprintf(reason, size, "the C library is not glibc, whose threads fibers are made of");
        return ENOTSUP;
    }
    static struct probe probes[2];
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        probes[i].count = 0;
        if (pthread_create(&thread, NULL, probe_main, &probes[i]) != 0) {
            snprintf(reason, size, "no thread could be created to examine the C library's thread block");
            return EAGAIN;
        }
        pthread_join(thread, NULL);
    }
    // What both threads agree on; coincidences differ.
    size_t found = 0, matches = 0;
    for (size_t a = 0; a < probes[0].count; a++)
        for (size_t b = 0; b < probes[1].count; b++)
            if (probes[0].candidates[a] == probes[1].candidates[b]) {
                found = probes[0].candidates[a];
                matches++;
            }
    if (matches != 1) {
        snprintf(reason, size, "this C library keeps a thread's id at %zu places of its thread block; exactly one was expected", matches);
        return ENOTSUP;
    }
    tid_offset = found;
    return 0;
}

void fibers_thread_block_set_tid(pthread_t thread, int32_t tid)
{
    memcpy((char *)thread + tid_offset, &tid, sizeof tid);
}

// On the virtual thread's own kernel thread, before it detaches. The kernel would go on writing the
// processor number into the area while that kernel thread lives, and nobody would afterwards;
// unregistering leaves a negative number there, which makes sched_getcpu ask the kernel.
int fibers_thread_block_leave_rseq(void)
{
    if (&__rseq_size == NULL || __rseq_size == 0)
        return 0;
    void *area = (char *)fibers_thread_pointer() + __rseq_offset;
    // glibc registers 32 bytes, or from 2.40 on what the kernel asks for, rounded up.
    static const unsigned int sizes[] = {32, 64, 128};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (syscall(SYS_rseq, area, sizes[i], RSEQ_UNREGISTER, RSEQ_SIGNATURE) == 0)
            return 0;
    return syscall(SYS_rseq, area, getauxval(27 /* AT_RSEQ_FEATURE_SIZE */), RSEQ_UNREGISTER, RSEQ_SIGNATURE) == 0 ? 0 : ENOTSUP;
}
