// read, write and their kin on whatever a descriptor may be: sockets, pipes, terminals, files. Sockets and pipes know
// how to be asked without blocking; for the rest poll is asked first. Regular files go to redirect_files.c.
#include "blocking_call.h"
#include "without_waiting.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum descriptor_kind {
    WAITS_FOR_PEERS, // pipes, terminals, event descriptors
    REGULAR_FILE,
    NEVER_WAITS,
} descriptor_kind;

static descriptor_kind kind_of(int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0 || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode))
        return NEVER_WAITS;
    return S_ISREG(status.st_mode) ? REGULAR_FILE : WAITS_FOR_PEERS;
}

ssize_t redirected_read(int descriptor, void *buffer, size_t size)
{
    struct blocking_call call;
    if (!blocking_call_begin(&call, descriptor, POLLIN, FIBERS_REASON_READ) || size == 0) // nothing to wait for
        return read(descriptor, buffer, size);
    bool socket = true;
    for (;;) {
        ssize_t count = -1;
        if (socket) {
            count = refused(&call) ? -1 : recv(descriptor, buffer, limited(size), MSG_DONTWAIT);
            if (count < 0 && errno == ENOTSOCK) {
                socket = false;
                descriptor_kind kind = kind_of(descriptor);
                if (kind == REGULAR_FILE)
                    return fibers_file_read(call.self, descriptor, buffer, size, -1);
                if (kind == NEVER_WAITS)
                    return read(descriptor, buffer, size);
            }
        }
        if (!socket) {
            struct iovec vector = {buffer, limited(size)};
            count = readv_without_waiting(descriptor, &vector, 1, -1);
            if (count < 0 && knows_only_waiting(errno)) {
                if (ready_now(descriptor, POLLIN))
                    return read(descriptor, buffer, limited(size));
                errno = EAGAIN;
            }
        }
        if (!would_block(count))
            return count;
        outcome next = blocking_call_wait(&call);
        if (next == FAIL)
            return -1;
        if (next == PASS_THROUGH)
            return read(descriptor, buffer, size);
    }
}

#define PIPE_ATOMIC 4096 // PIPE_BUF: a pipe that polls writable takes this much at once

ssize_t redirected_write(int descriptor, const void *buffer, size_t size)
{
    struct blocking_call call;
    if (!blocking_call_begin(&call, descriptor, POLLOUT, FIBERS_REASON_WRITE) || size == 0)
        return write(descriptor, buffer, size);
    bool socket = true;
    size_t done = 0;
    for (;;) {
        ssize_t count = -1;
        const char *rest = (const char *)buffer + done;
        size_t left = size - done;
        if (socket) {
            count = refused(&call) ? -1 : send(descriptor, rest, limited(left), MSG_DONTWAIT);
            if (count < 0 && errno == ENOTSOCK) {
                socket = false;
                descriptor_kind kind = kind_of(descriptor);
                if (kind == REGULAR_FILE)
                    return fibers_file_write(call.self, descriptor, buffer, size, -1);
                if (kind == NEVER_WAITS)
                    return write(descriptor, buffer, size);
            }
        }
        if (!socket) {
            struct iovec vector = {(void *)rest, limited(left)};
            count = writev_without_waiting(descriptor, &vector, 1, -1);
            if (count < 0 && knows_only_waiting(errno)) {
                if (ready_now(descriptor, POLLOUT))
                    count = write(descriptor, rest, left < PIPE_ATOMIC ? left : PIPE_ATOMIC);
                else
                    errno = EAGAIN;
            }
        }
        if (count >= 0) {
            done += (size_t)count;
            if (done >= size || count == 0)
                return (ssize_t)done;
            continue;
        }
        if (!would_block(count))
            return done > 0 ? (ssize_t)done : -1;
        outcome next = blocking_call_wait(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH) {
            count = write(descriptor, rest, left);
            return count < 0 && done > 0 ? (ssize_t)done : count < 0 ? count : (ssize_t)done + count;
        }
    }
}

// ---- vectors and files onto sockets --------------------------------------------------------------------------------

ssize_t redirected_readv(int descriptor, const struct iovec *vectors, int count)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || count <= 0 || count > IOV_MAX)
        return readv(descriptor, vectors, count);
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    ssize_t received = redirected_recvmsg(descriptor, &message, 0);
    if (received >= 0 || errno != ENOTSOCK)
        return received;
    // Whatever waits behind the first filled vector is for the next call: readv may return less.
    for (int i = 0; i < count; i++)
        if (vectors[i].iov_len > 0)
            return kind_of(descriptor) == WAITS_FOR_PEERS ? redirected_read(descriptor, vectors[i].iov_base, vectors[i].iov_len) : readv(descriptor, vectors, count);
    return readv(descriptor, vectors, count);
}

ssize_t redirected_writev(int descriptor, const struct iovec *vectors, int count)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || count <= 0 || count > IOV_MAX)
        return writev(descriptor, vectors, count);
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    ssize_t sent = redirected_sendmsg(descriptor, &message, 0);
    if (sent >= 0 || errno != ENOTSOCK || kind_of(descriptor) != WAITS_FOR_PEERS)
        return sent >= 0 || errno != ENOTSOCK ? sent : writev(descriptor, vectors, count);
    ssize_t done = 0;
    for (int i = 0; i < count; i++) {
        ssize_t part = redirected_write(descriptor, vectors[i].iov_base, vectors[i].iov_len);
        if (part < 0)
            return done > 0 ? done : -1;
        done += part;
        if ((size_t)part < vectors[i].iov_len)
            break;
    }
    return done;
}

ssize_t redirected_sendfile(int to, int from, off_t *offset, size_t size)
{
    struct blocking_call call;
    if (!blocking_call_begin(&call, to, POLLOUT, FIBERS_REASON_WRITE))
        return sendfile(to, from, offset, size);
    int flags = fcntl(to, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) || kind_of(to) != WAITS_FOR_PEERS)
        return sendfile(to, from, offset, size);
    size_t done = 0;
    for (;;) {
        // sendfile has no flag of its own for "do not block".
        fcntl(to, F_SETFL, flags | O_NONBLOCK);
        ssize_t count = sendfile(to, from, offset, size - done);
        int error = errno;
        fcntl(to, F_SETFL, flags);
        errno = error;
        if (count > 0)
            done += (size_t)count;
        if (count == 0 || done >= size)
            return (ssize_t)done;
        if (count > 0)
            continue;
        if (!would_block(count))
            return done > 0 ? (ssize_t)done : -1;
        outcome next = blocking_call_wait(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH) {
            count = sendfile(to, from, offset, size - done);
            return count < 0 && done > 0 ? (ssize_t)done : count < 0 ? count : (ssize_t)done + count;
        }
    }
}
