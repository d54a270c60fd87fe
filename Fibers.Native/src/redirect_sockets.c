// Blocking calls on sockets. Each one tries without blocking; if it would block, the fiber fills its request and
// leaves, and tries again when it is woken (blocking_call.c). A blocking stream send returns when everything is sent.
#include "blocking_call.h"

#include <fcntl.h>
#include <netinet/in.h>

// ---- receiving ------------------------------------------------------------------------------------------

ssize_t redirected_recv(int descriptor, void *buffer, size_t size, int flags)
{
    return redirected_recvfrom(descriptor, buffer, size, flags, NULL, NULL);
}

ssize_t redirected_recvfrom(int descriptor, void *buffer, size_t size, int flags, struct sockaddr *from, socklen_t *from_size)
{
    struct blocking_call call;
    if (!blocking_call_begin(&call, descriptor, POLLIN, FIBERS_REASON_READ) || (flags & MSG_DONTWAIT))
        return recvfrom(descriptor, buffer, size, flags, from, from_size);
    size_t done = 0;
    for (;;) {
        ssize_t count = refused(&call)
                            ? -1
                            : recvfrom(descriptor, (char *)buffer + done, limited(size - done), flags | MSG_DONTWAIT, from, from_size);
        if (count > 0)
            done += (size_t)count;
        // MSG_WAITALL keeps a stream reader until the buffer is full, the end comes, or an error.
        if (count > 0 && (flags & MSG_WAITALL) && !(flags & MSG_PEEK) && done < size)
            continue;
        if (!would_block(count))
            return done > 0 ? (ssize_t)done : count;
        outcome next = blocking_call_wait(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH)
            return recvfrom(descriptor, (char *)buffer + done, size - done, flags, from, from_size);
    }
}

ssize_t redirected_recvmsg(int descriptor, struct msghdr *message, int flags)
{
    struct blocking_call call;
    if (!blocking_call_begin(&call, descriptor, POLLIN, FIBERS_REASON_READ) || (flags & (MSG_DONTWAIT | MSG_WAITALL)))
        return recvmsg(descriptor, message, flags);
    for (;;) {
        ssize_t count = refused(&call) ? -1 : recvmsg(descriptor, message, flags | MSG_DONTWAIT);
        if (!would_block(count))
            return count;
        outcome next = blocking_call_wait(&call);
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
    if (!blocking_call_begin(&call, descriptor, POLLOUT, FIBERS_REASON_WRITE) || (flags & MSG_DONTWAIT))
        return sendto(descriptor, buffer, size, flags, to, to_size);
    size_t done = 0;
    for (;;) {
        ssize_t count = refused(&call)
                            ? -1
                            : sendto(descriptor, (const char *)buffer + done, limited(size - done), flags | MSG_DONTWAIT, to, to_size);
        if (count >= 0) {
            done += (size_t)count;
            if (done >= size || count == 0)
                return (ssize_t)done;
            continue; // a stream took part of it: a blocking send stays until it took all
        }
        if (!would_block(count))
            return done > 0 ? (ssize_t)done : -1;
        outcome next = blocking_call_wait(&call);
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
    for (size_t i = 0; i < (size_t)message->msg_iovlen && count < capacity; i++) {
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
    if (!blocking_call_begin(&call, descriptor, POLLOUT, FIBERS_REASON_WRITE) || (flags & MSG_DONTWAIT))
        return sendmsg(descriptor, message, flags);
    size_t size = 0, done = 0;
    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    struct msghdr rest = *message;
    struct iovec vectors[64];
    for (;;) {
        ssize_t count = refused(&call) ? -1 : sendmsg(descriptor, &rest, flags | MSG_DONTWAIT);
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
        outcome next = blocking_call_wait(&call);
        if (next == FAIL)
            return done > 0 ? (ssize_t)done : -1;
        if (next == PASS_THROUGH) {
            count = sendmsg(descriptor, &rest, flags);
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
    if (!blocking_call_begin(&call, descriptor, POLLIN, FIBERS_REASON_ACCEPT))
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
        outcome next = blocking_call_wait(&call);
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
    if (!blocking_call_begin(&call, descriptor, POLLOUT, FIBERS_REASON_CONNECT) || to == NULL || to->sa_family == AF_UNSPEC || to->sa_family == AF_UNIX)
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
        outcome next = blocking_call_wait(&call);
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
