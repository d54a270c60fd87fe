// read, write and their kin on whatever a descriptor may be: sockets, pipes, terminals, files. Sockets and pipes know
// how to be asked without blocking; for the rest poll is asked first. Regular files go to redirect_files.c.
#include "blocking_call.h"
#include "descriptor_memory.h"
#include "without_waiting.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

typedef enum descriptor_kind {
    PERHAPS_A_SOCKET, // not yet looked at
    WAITS_FOR_PEERS,  // pipes, terminals, event descriptors
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

struct stream_call {
    struct blocking_call call;
    descriptor_kind kind;
    char *buffer;
};

// True: it is one, and the call has been made; *result is its, errno set.
static bool tried_as_socket(struct stream_call *s, ssize_t *result)
{
    struct blocking_call *call = &s->call;
    if (s->kind != PERHAPS_A_SOCKET)
        return false;
    if (refused(call))
        *result = -1;
    else if (call->events == POLLIN)
        *result = recv(call->descriptor, s->buffer, call->asked = remaining(call), MSG_DONTWAIT);
    else
        *result = send(call->descriptor, s->buffer + call->done, remaining(call), MSG_DONTWAIT);
    if (*result >= 0 || errno != ENOTSOCK)
        return true;
    s->kind = kind_of(call->descriptor);
    return false;
}

static ssize_t read_some(struct blocking_call *call, bool wait)
{
    struct stream_call *s = (struct stream_call *)call;
    ssize_t count;
    if (!wait && tried_as_socket(s, &count))
        return count;
    if (s->kind == REGULAR_FILE)
        return fibers_file_read(call->self, call->descriptor, s->buffer, call->size, -1);
    if (!wait && s->kind == WAITS_FOR_PEERS) {
        struct iovec vector = {s->buffer, remaining(call)};
        count = readv_without_waiting(call->descriptor, &vector, 1, -1);
        if (count >= 0 || !knows_only_waiting(errno))
            return count;
        if (!ready_now(call->descriptor, POLLIN)) {
            errno = EAGAIN;
            return -1;
        }
    }
    return read(call->descriptor, s->buffer, remaining(call));
}

ssize_t redirected_read(int descriptor, void *buffer, size_t size)
{
    struct stream_call s;
    if (size == 0 || !blocking_call_begin(&s.call, read_some, descriptor, POLLIN, FIBERS_REASON_READ)) // of nothing: nothing to wait for
        return read(descriptor, buffer, size);
    s.call.size = size;
    s.call.reads = true;
    s.kind = PERHAPS_A_SOCKET;
    s.buffer = buffer;
    return blocking_call_run(&s.call);
}

#define PIPE_ATOMIC 4096 // PIPE_BUF: a pipe that polls writable takes this much at once

static ssize_t write_some(struct blocking_call *call, bool wait)
{
    struct stream_call *s = (struct stream_call *)call;
    ssize_t count;
    if (!wait && tried_as_socket(s, &count))
        return count;
    char *rest = s->buffer + call->done;
    size_t size = remaining(call);
    call->until_done = s->kind == WAITS_FOR_PEERS; // what a file takes is the answer
    if (s->kind == REGULAR_FILE)
        return fibers_file_write(call->self, call->descriptor, rest, call->size - call->done, -1);
    if (!wait && s->kind == WAITS_FOR_PEERS) {
        struct iovec vector = {rest, size};
        count = writev_without_waiting(call->descriptor, &vector, 1, -1);
        if (count >= 0 || !knows_only_waiting(errno))
            return count;
        if (!ready_now(call->descriptor, POLLOUT)) {
            errno = EAGAIN;
            return -1;
        }
        size = size < PIPE_ATOMIC ? size : PIPE_ATOMIC;
    }
    return write(call->descriptor, rest, size);
}

ssize_t redirected_write(int descriptor, const void *buffer, size_t size)
{
    struct stream_call s;
    if (size == 0 || !blocking_call_begin(&s.call, write_some, descriptor, POLLOUT, FIBERS_REASON_WRITE))
        return write(descriptor, buffer, size);
    s.call.size = size;
    s.call.until_done = true;
    s.kind = PERHAPS_A_SOCKET;
    s.buffer = (char *)buffer;
    return blocking_call_run(&s.call);
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

struct file_to_socket {
    struct blocking_call call;
    int from;
    off_t *offset;
};

// sendfile has no flag of its own for "do not block".
static ssize_t send_file(struct blocking_call *call, bool wait)
{
    struct file_to_socket *f = (struct file_to_socket *)call;
    uint32_t loan;
    bool lent = !wait && descriptor_lend_never_waiting(call->descriptor, &loan) == 0;
    ssize_t count = sendfile(call->descriptor, f->from, f->offset, call->size - call->done);
    if (lent)
        descriptor_take_back(call->descriptor, loan);
    return count;
}

ssize_t redirected_sendfile(int to, int from, off_t *offset, size_t size)
{
    struct file_to_socket f;
    if (!blocking_call_begin(&f.call, send_file, to, POLLOUT, FIBERS_REASON_WRITE))
        return sendfile(to, from, offset, size);
    f.call.size = size;
    f.call.until_done = true;
    f.from = from;
    f.offset = offset;
    if (descriptor_never_waits(to) != 0 || kind_of(to) != WAITS_FOR_PEERS)
        return sendfile(to, from, offset, size);
    return blocking_call_run(&f.call);
}
