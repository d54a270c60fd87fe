// Reads and writes that fail with EAGAIN instead of waiting: preadv2 and pwritev2 with RWF_NOWAIT, for which not every C
// library has names. Offset -1: the descriptor's own position.
#ifndef FIBERS_WITHOUT_WAITING_H
#define FIBERS_WITHOUT_WAITING_H

#include "internal.h"

#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static inline ssize_t readv_without_waiting(int descriptor, const struct iovec *vectors, int count, int64_t offset)
{
    return syscall(SYS_preadv2, descriptor, vectors, count, offset, 0, RWF_NOWAIT);
}

static inline ssize_t writev_without_waiting(int descriptor, const struct iovec *vectors, int count, int64_t offset)
{
    return syscall(SYS_pwritev2, descriptor, vectors, count, offset, 0, RWF_NOWAIT);
}

// The errno of a file that does not know how.
static inline bool knows_only_waiting(int error)
{
    return error == EOPNOTSUPP || error == EINVAL || error == ENOSYS;
}

#endif
