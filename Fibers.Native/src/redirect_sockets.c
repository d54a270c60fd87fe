// Blocking calls on sockets and pipes. Each one tries without blocking; if it would block, the fiber fills
// its request and leaves, and tries again when it is woken. The rules of the plain call are kept: O_NONBLOCK
// and MSG_DONTWAIT answer EAGAIN at once, SO_RCVTIMEO and SO_SNDTIMEO after their time, a blocking stream
// write returns when everything is written, and errors look the same.
#include "redirect.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// One blocking call of a fiber, across as many parks as it takes.
struct blocking_call {
    fibers_vthread *self;
    int descriptor;
    short events; // POLLIN or POLLOUT
    uint32_t reason;
    uint32_t generation;
    int64_t deadline_ns; // of the whole call; 0: not yet asked
};

// False: the caller is no fiber (or may not park): pass straight through.
static bool begin(struct blocking_call *call, int descriptor, short events, uint32_t reason)
{
    fibers_vthread *self = fiber_that_may_park();
    if (LIKELY(self == NULL))
        return false;
    *call = (struct blocking_call){self, descriptor, events, reason, fibers_descriptor_generation(descriptor), 0};
    return true;
}

static int64_t socket_deadline(int descriptor, short events)
{
    struct timeval timeout = {0, 0};
    socklen_t size = sizeof timeout;
    if (getsockopt(descriptor, SOL_SOCKET, events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &timeout, &size) != 0 || (timeout.tv_sec == 0 && timeout.tv_usec == 0))
        return FIBERS_NO_DEADLINE;
    return now_ns() + (int64_t)timeout.tv_sec * 1000000000 + (int64_t)timeout.tv_usec * 1000;
}

typedef enum outcome {
    RETRY,
    FAIL,        // errno is set
    PASS_THROUGH // the descriptor cannot be waited for: make the plain call, and block if it must
} outcome;

static outcome wake_to_outcome(fibers_vthread *self, fibers_wake wake)
{
    switch (wake) {
    case FIBERS_WAKE_TIMEOUT: errno = EAGAIN; return FAIL;
    case FIBERS_WAKE_CLOSED: errno = EBADF; return FAIL;
    case FIBERS_WAKE_CANCELED:
        if (!cancel_deliver(self))
            return RETRY; // shielded, or delivered elsewhere meanwhile
        errno = ECANCELED;
        return FAIL;
    case FIBERS_WAKE_FAILED:
        // request.error says why it cannot be registered (EPERM: a regular file; ENOSPC: no room)
        return PASS_THROUGH;
    default: return RETRY;
    }
}

// The call would block: parks until it might not. May switch.
static outcome wait_for_descriptor(struct blocking_call *call)
{
    int flags = fcntl(call->descriptor, F_GETFL);
    if (flags < 0)
        return FAIL; // EBADF
    if (flags & O_NONBLOCK) {
        errno = EAGAIN;
        return FAIL;
    }
    if (call->deadline_ns == 0)
        call->deadline_ns = socket_deadline(call->descriptor, call->events);
    fibers_vthread *self = call->self;
    if (UNLIKELY(cancel_deliver(self))) {
        errno = ECANCELED;
        return FAIL;
    }
    self->request.reason = call->reason;
    self->request.descriptor = call->descriptor;
    self->request.events = (uint32_t)call->events;
    self->request.generation = call->generation;
    self->request.deadline_ns = call->deadline_ns;
    self->request.park_number = park_begin(self);
    return wake_to_outcome(self, park_leave(self, FIBERS_REQUEST_DESCRIPTOR));
}

static bool would_block(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static size_t limited(size_t size)
{
    return UNLIKELY(size > 1 && fibers_fault(FIBERS_FAULT_SHORT)) ? 1 : size;
}

// ---- receiving ------------------------------------------------------------------------------------------

ssize_t redirected_recv(int descriptor, void *buffer, size_t size, int flags)
{
    return redirected_recvfrom(descriptor, buffer, size, flags, NULL, NULL);
}

ssize_t redirected_recvfrom(int descriptor, void *buffer, size_t size, int flags, struct sockaddr *from, socklen_t *from_size)
{
    struct blocking_call call;
    if (!begin(&call, descriptor, POLLIN, FIBERS_REASON_READ) || (flags & MSG_DONTWAIT))
        return recvfrom(descriptor, buffer, size, flags, from, from_size);
    size_t done = 0;
    for (;;) {
        ssize_t count = UNLIKELY(fibers_fault(FIBERS_FAULT_WOULD_BLOCK))
                            ? (errno = EAGAIN, -1)
                            : recvfrom(descriptor, (char *)buffer + done, limited(size - done), flags | MSG_DONTWAIT, from, from_size);
        if (count > 0)
            done += (size_t)count;
        // MSG_WAITALL keeps a stream reader until the buffer is full, the end comes, or an error.
        if (count > 0 && (flags & MSG_WAITALL) && !(flags & MSG_PEEK) && done < size)
            continue;
        if (!would_block(count))
            return done > 0 ? (ssize_t)done : count;
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH)
            return recvfrom(descriptor, (char *)buffer + done, size - done, flags, from, from_size);
    }
}

ssize_t redirected_recvmsg(int descriptor, struct msghdr *message, int flags)
{
    struct blocking_call call;
    if (!begin(&call, descriptor, POLLIN, FIBERS_REASON_READ) || (flags & (MSG_DONTWAIT | MSG_WAITALL)))
        return recvmsg(descriptor, message, flags);
    for (;;) {
        ssize_t count = UNLIKELY(fibers_fault(FIBERS_FAULT_WOULD_BLOCK)) ? (errno = EAGAIN, -1) : recvmsg(descriptor, message, flags | MSG_DONTWAIT);
        if (!would_block(count))
            return count;
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL)
            return -1;
        if (next == PASS_THROUGH)
            return recvmsg(descriptor, message, flags);
    }
}

// ---- sending --------------------------------------------------------------------------------------------

ssize_t redirected_send(int descriptor, const void *buffer, size_t size, int flags)
{
    return redirected_sendto(descriptor, buffer, size, flags, NULL, 0);
}

ssize_t redirected_sendto(int descriptor, const void *buffer, size_t size, int flags, const struct sockaddr *to, socklen_t to_size)
{
    struct blocking_call call;
    if (!begin(&call, descriptor, POLLOUT, FIBERS_REASON_WRITE) || (flags & MSG_DONTWAIT))
        return sendto(descriptor, buffer, size, flags, to, to_size);
    size_t done = 0;
    for (;;) {
        ssize_t count = UNLIKELY(fibers_fault(FIBERS_FAULT_WOULD_BLOCK))
                            ? (errno = EAGAIN, -1)
                            : sendto(descriptor, (const char *)buffer + done, size - done, flags | MSG_DONTWAIT, to, to_size);
        if (count >= 0) {
            done += (size_t)count;
            if (done >= size || count == 0)
                return (ssize_t)done;
            continue; // a stream took part of it: a blocking send stays until it took all
        }
        if (!would_block(count))
            return done > 0 ? (ssize_t)done : -1;
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH) {
            count = sendto(descriptor, (const char *)buffer + done, size - done, flags, to, to_size);
            return count < 0 && done > 0 ? (ssize_t)done : count < 0 ? count : (ssize_t)done + count;
        }
    }
}

// Copies the part of the vectors that is still to be sent.
static size_t remaining_vectors(const struct msghdr *message, size_t done, struct iovec *out, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < message->msg_iovlen && count < capacity; i++) {
        size_t length = message->msg_iov[i].iov_len;
        if (done >= length) {
            done -= length;
            continue;
        }
        out[count].iov_base = (char *)message->msg_iov[i].iov_base + done;
        out[count++].iov_len = length - done;
        done = 0;
    }
    return count;
}

ssize_t redirected_sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    struct blocking_call call;
    if (!begin(&call, descriptor, POLLOUT, FIBERS_REASON_WRITE) || (flags & MSG_DONTWAIT))
        return sendmsg(descriptor, message, flags);
    size_t size = 0, done = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    struct msghdr rest = *message;
    struct iovec vectors[64];
    for (;;) {
        ssize_t count = UNLIKELY(fibers_fault(FIBERS_FAULT_WOULD_BLOCK)) ? (errno = EAGAIN, -1) : sendmsg(descriptor, &rest, flags | MSG_DONTWAIT);
        if (count >= 0) {
            done += (size_t)count;
            if (done >= size || count == 0)
                return (ssize_t)done;
            rest.msg_iov = vectors;
            rest.msg_iovlen = remaining_vectors(message, done, vectors, sizeof vectors / sizeof vectors[0]);
            rest.msg_control = NULL; // ancillary data went with the first byte
            rest.msg_controllen = 0;
            continue;
        }
        if (!would_block(count))
            return done > 0 ? (ssize_t)done : -1;
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH) {
            count = sendmsg(descriptor, &rest, flags);
            return count < 0 && done > 0 ? (ssize_t)done : count < 0 ? count : (ssize_t)done + count;
        }
    }
}

// ---- read and write: sockets, pipes, terminals, files ---------------------------------------------------------

// Whether the next read or write would block, without doing it. For what is neither a socket nor knows
// RWF_NOWAIT. Another reader may be faster: then the plain call blocks its kernel thread, and the
// watchdog sees to the rest.
static bool ready_now(int descriptor, short events)
{
    struct pollfd entry = {descriptor, events, 0};
    return poll(&entry, 1, 0) != 0;
}

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
    if (!begin(&call, descriptor, POLLIN, FIBERS_REASON_READ))
        return read(descriptor, buffer, size);
    bool socket = true;
    for (;;) {
        ssize_t count = -1;
        if (socket) {
            count = UNLIKELY(fibers_fault(FIBERS_FAULT_WOULD_BLOCK)) ? (errno = EAGAIN, -1) : recv(descriptor, buffer, limited(size), MSG_DONTWAIT);
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
            count = preadv2(descriptor, &vector, 1, -1, RWF_NOWAIT);
            if (count < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS)) {
                if (ready_now(descriptor, POLLIN))
                    return read(descriptor, buffer, limited(size));
                errno = EAGAIN;
            }
        }
        if (!would_block(count))
            return count;
        outcome next = wait_for_descriptor(&call);
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
    if (!begin(&call, descriptor, POLLOUT, FIBERS_REASON_WRITE))
        return write(descriptor, buffer, size);
    bool socket = true;
    size_t done = 0;
    for (;;) {
        ssize_t count = -1;
        const char *rest = (const char *)buffer + done;
        size_t left = size - done;
        if (socket) {
            count = UNLIKELY(fibers_fault(FIBERS_FAULT_WOULD_BLOCK)) ? (errno = EAGAIN, -1) : send(descriptor, rest, left, MSG_DONTWAIT);
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
            struct iovec vector = {(void *)rest, left};
            count = pwritev2(descriptor, &vector, 1, -1, RWF_NOWAIT);
            if (count < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS)) {
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
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH) {
            count = write(descriptor, rest, left);
            return count < 0 && done > 0 ? (ssize_t)done : count < 0 ? count : (ssize_t)done + count;
        }
    }
}

// ---- connections ------------------------------------------------------------------------------------------------

// accept has no flag for "do not block", and the flag on the descriptor belongs to everybody who shares it.
// Fibers take turns per descriptor, so that between "one is waiting" and taking it no other fiber comes.
#define ACCEPT_LOCKS 64
static pthread_mutex_t accept_locks[ACCEPT_LOCKS] = {[0 ... ACCEPT_LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER};

int redirected_accept4(int descriptor, struct sockaddr *from, socklen_t *from_size, int flags)
{
    struct blocking_call call;
    if (!begin(&call, descriptor, POLLIN, FIBERS_REASON_ACCEPT))
        return accept4(descriptor, from, from_size, flags);
    pthread_mutex_t *turn = &accept_locks[(unsigned int)descriptor % ACCEPT_LOCKS];
    for (;;) {
        pthread_mutex_lock(turn);
        if (ready_now(descriptor, POLLIN)) {
            int result = accept4(descriptor, from, from_size, flags);
            int error = errno;
            pthread_mutex_unlock(turn);
            errno = error;
            return result;
        }
        pthread_mutex_unlock(turn);
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL && errno == EAGAIN && (fcntl(descriptor, F_GETFL) & O_NONBLOCK))
            return accept4(descriptor, from, from_size, flags); // a non-blocking listener says it itself
        if (next == FAIL)
            return -1;
        if (next == PASS_THROUGH)
            return accept4(descriptor, from, from_size, flags);
    }
}

int redirected_accept(int descriptor, struct sockaddr *from, socklen_t *from_size)
{
    return redirected_accept4(descriptor, from, from_size, 0);
}

int redirected_connect(int descriptor, const struct sockaddr *to, socklen_t to_size)
{
    struct blocking_call call;
    // AF_UNSPEC dissolves an association, which never blocks. A full backlog of a local socket cannot be
    // waited for with poll.
    if (!begin(&call, descriptor, POLLOUT, FIBERS_REASON_CONNECT) || to == NULL || to->sa_family == AF_UNSPEC || to->sa_family == AF_UNIX)
        return connect(descriptor, to, to_size);
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0)
        return connect(descriptor, to, to_size);
    int result = connect(descriptor, to, to_size);
    int error = errno;
    fcntl(descriptor, F_SETFL, flags);
    if (result == 0 || error != EINPROGRESS) {
        errno = error;
        return result;
    }
    for (;;) {
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL) {
            if (errno == EAGAIN)
                errno = EINPROGRESS; // what SO_SNDTIMEO makes of a connect
            return -1;
        }
        if (next == PASS_THROUGH) {
            struct pollfd entry = {descriptor, POLLOUT, 0};
            while (poll(&entry, 1, -1) < 0 && errno == EINTR) {
            }
        }
        if (!ready_now(descriptor, POLLOUT))
            continue;
        socklen_t size = sizeof error;
        if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            return -1;
        errno = error;
        return error == 0 ? 0 : -1;
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
    if (!begin(&call, to, POLLOUT, FIBERS_REASON_WRITE))
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
        outcome next = wait_for_descriptor(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH) {
            count = sendfile(to, from, offset, size - done);
            return count < 0 && done > 0 ? (ssize_t)done : count < 0 ? count : (ssize_t)done + count;
        }
    }
}
