// Regular files. What the page cache holds is read at once, on the fiber; the rest goes to io_uring, or where
// that is not to be had to the pool, with the fiber parked. Results and errors are those of the plain calls.
#include "offload.h"
#include "redirect.h"
#include "without_waiting.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct file_call {
    fibers_job job;
    int descriptor;
    void *buffer;
    const struct iovec *vectors;
    int count;
    size_t size;
    int64_t offset;
    int operation;
};

static long call_pread(fibers_job *job)
{
    struct file_call *call = (struct file_call *)job;
    return call->offset < 0 ? read(call->descriptor, call->buffer, call->size) : pread(call->descriptor, call->buffer, call->size, call->offset);
}

static long call_pwrite(fibers_job *job)
{
    struct file_call *call = (struct file_call *)job;
    return call->offset < 0 ? write(call->descriptor, call->buffer, call->size) : pwrite(call->descriptor, call->buffer, call->size, call->offset);
}

static long call_preadv(fibers_job *job)
{
    struct file_call *call = (struct file_call *)job;
    return preadv(call->descriptor, call->vectors, call->count, call->offset);
}

static long call_pwritev(fibers_job *job)
{
    struct file_call *call = (struct file_call *)job;
    return pwritev(call->descriptor, call->vectors, call->count, call->offset);
}

static long call_fsync(fibers_job *job)
{
    struct file_call *call = (struct file_call *)job;
    return call->operation == URING_FSYNC ? fsync(call->descriptor) : fdatasync(call->descriptor);
}

static long call_flock(fibers_job *job)
{
    struct file_call *call = (struct file_call *)job;
    return flock(call->descriptor, call->operation);
}

static bool is_regular(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

// A read of a regular file at `offset` (-1: at the descriptor's position). A short count from the cache is only
// the end of the file if nothing follows.
ssize_t fibers_file_read(fibers_vthread *self, int descriptor, void *buffer, size_t size, int64_t offset)
{
    size_t done = 0;
    while (done < size) {
        struct iovec vector = {(char *)buffer + done, size - done};
        int64_t at = offset < 0 ? -1 : offset + (int64_t)done;
        ssize_t count = readv_without_waiting(descriptor, &vector, 1, at);
        if (count == 0)
            break;
        if (count > 0) {
            done += (size_t)count;
            continue;
        }
        if (errno != EAGAIN && !knows_only_waiting(errno))
            return done > 0 ? (ssize_t)done : -1;
        long result;
        if (!fibers_uring(self, URING_READ, descriptor, vector.iov_base, vector.iov_len, at, &result)) {
            struct file_call call = {{.call = call_pread}, .descriptor = descriptor, .buffer = vector.iov_base, .size = vector.iov_len, .offset = at};
            result = fibers_offload(self, &call.job, FIBERS_REASON_FILE);
        }
        if (result < 0)
            return done > 0 ? (ssize_t)done : -1;
        return (ssize_t)done + result;
    }
    return (ssize_t)done;
}

ssize_t fibers_file_write(fibers_vthread *self, int descriptor, const void *buffer, size_t size, int64_t offset)
{
    struct iovec vector = {(void *)buffer, size};
    ssize_t count = writev_without_waiting(descriptor, &vector, 1, offset);
    if (count == (ssize_t)size || (count < 0 && errno != EAGAIN && !knows_only_waiting(errno)))
        return count;
    size_t done = count > 0 ? (size_t)count : 0;
    int64_t at = offset < 0 ? -1 : offset + (int64_t)done;
    long result;
    if (!fibers_uring(self, URING_WRITE, descriptor, (char *)vector.iov_base + done, size - done, at, &result)) {
        struct file_call call = {{.call = call_pwrite}, .descriptor = descriptor, .buffer = (char *)vector.iov_base + done, .size = size - done, .offset = at};
        result = fibers_offload(self, &call.job, FIBERS_REASON_FILE);
    }
    if (result < 0)
        return done > 0 ? (ssize_t)done : -1;
    return (ssize_t)done + result;
}

ssize_t redirected_pread(int descriptor, void *buffer, size_t size, off_t offset)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || offset < 0 || !is_regular(descriptor))
        return pread(descriptor, buffer, size, offset);
    return fibers_file_read(self, descriptor, buffer, size, offset);
}

ssize_t redirected_pwrite(int descriptor, const void *buffer, size_t size, off_t offset)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || offset < 0 || !is_regular(descriptor))
        return pwrite(descriptor, buffer, size, offset);
    return fibers_file_write(self, descriptor, buffer, size, offset);
}

ssize_t redirected_preadv(int descriptor, const struct iovec *vectors, int count, off_t offset)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || offset < 0 || !is_regular(descriptor))
        return preadv(descriptor, vectors, count, offset);
    ssize_t now = readv_without_waiting(descriptor, vectors, count, offset);
    if (now >= 0 || (errno != EAGAIN && !knows_only_waiting(errno)))
        return now;
    struct file_call call = {{.call = call_preadv}, .descriptor = descriptor, .vectors = vectors, .count = count, .offset = offset};
    return fibers_offload(self, &call.job, FIBERS_REASON_FILE);
}

ssize_t redirected_pwritev(int descriptor, const struct iovec *vectors, int count, off_t offset)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || offset < 0 || !is_regular(descriptor))
        return pwritev(descriptor, vectors, count, offset);
    struct file_call call = {{.call = call_pwritev}, .descriptor = descriptor, .vectors = vectors, .count = count, .offset = offset};
    return fibers_offload(self, &call.job, FIBERS_REASON_FILE);
}

static int sync_file(int descriptor, uring_operation operation)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL)
        return operation == URING_FSYNC ? fsync(descriptor) : fdatasync(descriptor);
    long result;
    if (fibers_uring(self, operation, descriptor, NULL, 0, 0, &result))
        return (int)result;
    struct file_call call = {{.call = call_fsync}, .descriptor = descriptor, .operation = operation};
    return (int)fibers_offload(self, &call.job, FIBERS_REASON_FILE);
}

int redirected_fsync(int descriptor)
{
    return sync_file(descriptor, URING_FSYNC);
}

int redirected_fdatasync(int descriptor)
{
    return sync_file(descriptor, URING_FDATASYNC);
}

int redirected_flock(int descriptor, int operation)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || (operation & (LOCK_NB | LOCK_UN)))
        return flock(descriptor, operation);
    int result = flock(descriptor, operation | LOCK_NB);
    if (result == 0 || errno != EWOULDBLOCK)
        return result;
    struct file_call call = {{.call = call_flock, .endless = true}, .descriptor = descriptor, .operation = operation};
    return (int)fibers_offload(self, &call.job, FIBERS_REASON_FILE);
}

// Only a named pipe keeps its opener waiting, for the other end.
struct open_call {
    fibers_job job;
    const char *path;
    int flags;
    mode_t mode;
};

static long call_open(fibers_job *job)
{
    struct open_call *call = (struct open_call *)job;
    return open(call->path, call->flags, call->mode);
}

int redirected_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list list;
        va_start(list, flags);
        mode = (mode_t)va_arg(list, int);
        va_end(list);
    }
    fibers_vthread *self = fiber_that_may_park();
    struct stat status;
    if (self == NULL || (flags & O_NONBLOCK) || (flags & O_ACCMODE) == O_RDWR || stat(path, &status) != 0 || !S_ISFIFO(status.st_mode))
        return open(path, flags, mode);
    struct open_call call = {{.call = call_open, .endless = true}, path, flags, mode};
    return (int)fibers_offload(self, &call.job, FIBERS_REASON_FILE);
}
