// Work that epoll cannot wait for, done elsewhere while the fiber is parked.
#ifndef FIBERS_OFFLOAD_H
#define FIBERS_OFFLOAD_H

#include "internal.h"

// One blocking call, on the fiber's own stack: it stays there until the call is done, because nothing but its
// completion can wake the fiber (cancellation is held back meanwhile).
typedef struct fibers_job {
    long (*call)(struct fibers_job *job); // on a kernel thread of a pool; sets errno as the plain call does
    bool endless;                         // it waits for somebody else, perhaps for ever
    fibers_vthread *owner;
    uint64_t number;
    struct fibers_job *next;
    long result;
    int error;
} fibers_job;

// Fiber only. May switch. Runs the call on a pool; returns its result, errno set. When no pool thread can be
// had it is made here, and blocks the kernel thread.
long fibers_offload(fibers_vthread *self, fibers_job *job, fibers_reason reason);

// What io_uring can do for us.
typedef enum uring_operation {
    URING_READ,
    URING_WRITE,
    URING_FSYNC,
    URING_FDATASYNC,
} uring_operation;

// Fiber only. May switch. False: io_uring is not to be had, or full; nothing was done. True: *result is that of
// the plain call, errno set. offset -1: the descriptor's own position.
bool fibers_uring(fibers_vthread *self, uring_operation operation, int descriptor, void *buffer, size_t size, int64_t offset, long *result);

// Fiber only. Parks until the job is completed by fibers_job_done.
void fibers_job_park(fibers_vthread *self, fibers_job *job, fibers_reason reason);
// Any thread. The job may be gone when this returns.
void fibers_job_done(fibers_job *job, long result, int error);

#endif
