// Blocking calls on sockets. Each is an attempt that can be told not to block; blocking_call.c parks the fiber between attempts.
// A blocking send on a stream returns when everything is sent.
#include "blocking_call.h"
#include "descriptor_memory.h"

#include <netinet/in.h>

// ---- receiving and sending ------------------------------------------------------------------------------

static bool takes_data_in_order(int flags)
{
    return (flags & ~(MSG_WAITALL | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC)) == 0;
}

// Whatever is asked for out of order the kernel answers at once, and no poller tells of it as of data.
static bool never_waits(int flags)
{
    return (flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)) != 0;
}

struct transfer {
    struct blocking_call call;
    char *buffer;
    int flags;
    struct sockaddr *address;
    socklen_t address_size, *address_size_out;
};

static ssize_t receive(struct blocking_call *call, bool wait)
{
    struct transfer *t = (struct transfer *)call;
    if (!wait && refused(call))
        return -1;
    call->asked = remaining(call);
    return recvfrom(call->descriptor, t->buffer + call->done, call->asked, t->flags | (wait ? 0 : MSG_DONTWAIT), t->address, t->address_size_out);
}

ssize_t redirected_recvfrom(int descriptor, void *buffer, size_t size, int flags, struct sockaddr *from, socklen_t *from_size)
{
    struct transfer t;
    if (flags & MSG_OOB)
        descriptor_loses_urgent_data(descriptor);
    if (never_waits(flags) || !blocking_call_begin(&t.call, receive, descriptor, POLLIN, FIBERS_REASON_READ))
        return recvfrom(descriptor, buffer, size, flags, from, from_size);
    t.call.size = size;
    t.call.until_done = (flags & MSG_WAITALL) && !(flags & MSG_PEEK);
    t.call.reads = takes_data_in_order(flags);
    t.buffer = buffer;
    t.flags = flags;
    t.address = from;
    t.address_size_out = from_size;
    return blocking_call_run(&t.call);
}

ssize_t redirected_recv(int descriptor, void *buffer, size_t size, int flags)
{
    return redirected_recvfrom(descriptor, buffer, size, flags, NULL, NULL);
}

static ssize_t send_some(struct blocking_call *call, bool wait)
{
    struct transfer *t = (struct transfer *)call;
    if (!wait && refused(call))
        return -1;
    return sendto(call->descriptor, t->buffer + call->done, remaining(call), t->flags | (wait ? 0 : MSG_DONTWAIT), t->address, t->address_size);
}

ssize_t redirected_sendto(int descriptor, const void *buffer, size_t size, int flags, const struct sockaddr *to, socklen_t to_size)
{
    struct transfer t;
    if ((flags & MSG_DONTWAIT) || !blocking_call_begin(&t.call, send_some, descriptor, POLLOUT, FIBERS_REASON_WRITE))
        return sendto(descriptor, buffer, size, flags, to, to_size);
    t.call.size = size;
    t.call.until_done = true;
    t.buffer = (char *)buffer;
    t.flags = flags;
    t.address = (struct sockaddr *)to;
    t.address_size = to_size;
    return blocking_call_run(&t.call);
}

ssize_t redirected_send(int descriptor, const void *buffer, size_t size, int flags)
{
    return redirected_sendto(descriptor, buffer, size, flags, NULL, 0);
}

// ---- messages -------------------------------------------------------------------------------------------

struct message_call {
    struct blocking_call call;
    struct msghdr *message;
    int flags;
};

static size_t total_length(const struct msghdr *message)
{
    size_t length = 0;
    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++)
        length += message->msg_iov[i].iov_len;
    return length;
}

static ssize_t receive_message(struct blocking_call *call, bool wait)
{
    struct message_call *m = (struct message_call *)call;
    if (!wait && refused(call))
        return -1;
    call->asked = call->size;
    return recvmsg(call->descriptor, m->message, m->flags | (wait ? 0 : MSG_DONTWAIT));
}

ssize_t redirected_recvmsg(int descriptor, struct msghdr *message, int flags)
{
    struct message_call m;
    if (flags & MSG_OOB)
        descriptor_loses_urgent_data(descriptor);
    if (never_waits(flags) || (flags & MSG_WAITALL) || !blocking_call_begin(&m.call, receive_message, descriptor, POLLIN, FIBERS_REASON_READ))
        return recvmsg(descriptor, message, flags);
    m.call.size = total_length(message);
    m.call.reads = takes_data_in_order(flags);
    m.message = message;
    m.flags = flags;
    return blocking_call_run(&m.call);
}

#define VECTORS_AT_ONCE 64

// Copies the part of the vectors that is still to be sent.
static size_t remaining_vectors(const struct msghdr *message, size_t done, struct iovec *out)
{
    size_t count = 0;
    for (size_t i = 0; i < (size_t)message->msg_iovlen && count < VECTORS_AT_ONCE; i++) {
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

static ssize_t send_message(struct blocking_call *call, bool wait)
{
    struct message_call *m = (struct message_call *)call;
    if (!wait && refused(call))
        return -1;
    int flags = m->flags | (wait ? 0 : MSG_DONTWAIT);
    if (call->done == 0)
        return sendmsg(call->descriptor, m->message, flags);
    struct iovec vectors[VECTORS_AT_ONCE];
    struct msghdr rest = *m->message;
    rest.msg_iov = vectors;
    rest.msg_iovlen = remaining_vectors(m->message, call->done, vectors);
    rest.msg_control = NULL; // ancillary data went with the first byte
    rest.msg_controllen = 0;
    return sendmsg(call->descriptor, &rest, flags);
}

ssize_t redirected_sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    struct message_call m;
    if ((flags & MSG_DONTWAIT) || !blocking_call_begin(&m.call, send_message, descriptor, POLLOUT, FIBERS_REASON_WRITE))
        return sendmsg(descriptor, message, flags);
    m.call.size = total_length(message);
    m.call.until_done = true;
    m.message = (struct msghdr *)message;
    m.flags = flags;
    return blocking_call_run(&m.call);
}

// ---- connections ----------------------------------------------------------------------------------------

// accept has no flag for "do not block", and the flag on the descriptor belongs to everybody who shares it.
// Fibers take turns per descriptor, so that between "one is waiting" and taking it no other fiber comes. A thread or another process may: then the
// fiber stays in the kernel with its turn, so listeners should not share one. (Those whose numbers lie this far apart do; unused ones take no memory.)
#define ACCEPT_LOCKS 4096
static pthread_mutex_t accept_locks[ACCEPT_LOCKS] = {[0 ... ACCEPT_LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER};

static ssize_t accept_one(struct blocking_call *call, bool wait)
{
    struct transfer *t = (struct transfer *)call;
    if (wait)
        return accept4(call->descriptor, t->address, t->address_size_out, t->flags);
    pthread_mutex_t *turn = &accept_locks[(unsigned int)call->descriptor % ACCEPT_LOCKS];
    pthread_mutex_lock(turn);
    int result = -1, error = EAGAIN;
    if (ready_now(call->descriptor, POLLIN)) {
        result = accept4(call->descriptor, t->address, t->address_size_out, t->flags);
        error = errno;
    }
    pthread_mutex_unlock(turn);
    errno = error;
    return result;
}

int redirected_accept4(int descriptor, struct sockaddr *from, socklen_t *from_size, int flags)
{
    struct transfer t;
    if (!blocking_call_begin(&t.call, accept_one, descriptor, POLLIN, FIBERS_REASON_ACCEPT))
        return accept4(descriptor, from, from_size, flags);
    t.address = from;
    t.address_size_out = from_size;
    t.flags = flags;
    return (int)blocking_call_run(&t.call);
}

int redirected_accept(int descriptor, struct sockaddr *from, socklen_t *from_size)
{
    return redirected_accept4(descriptor, from, from_size, 0);
}

// How a connect under way has ended.
static ssize_t end_connect(struct blocking_call *call, bool wait)
{
    struct pollfd entry = {call->descriptor, POLLOUT, 0};
    while (wait && poll(&entry, 1, -1) < 0 && errno == EINTR) {
    }
    int error = EAGAIN;
    socklen_t size = sizeof error;
    if (ready_now(call->descriptor, POLLOUT) && getsockopt(call->descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return -1;
    errno = error;
    return error == 0 ? 0 : -1;
}

int redirected_connect(int descriptor, const struct sockaddr *to, socklen_t to_size)
{
    struct blocking_call call;
    // AF_UNSPEC dissolves an association, which never blocks. A full backlog of a local socket cannot be
    // waited for with poll.
    if (to == NULL || to->sa_family == AF_UNSPEC || to->sa_family == AF_UNIX || !blocking_call_begin(&call, end_connect, descriptor, POLLOUT, FIBERS_REASON_CONNECT))
        return connect(descriptor, to, to_size);
    uint32_t loan;
    if (descriptor_lend_never_waiting(descriptor, &loan) != 0)
        return connect(descriptor, to, to_size);
    int result = connect(descriptor, to, to_size);
    descriptor_take_back(descriptor, loan);
    if (result == 0 || errno != EINPROGRESS)
        return result;
    result = (int)blocking_call_run(&call);
    if (result < 0 && errno == EAGAIN)
        errno = EINPROGRESS; // what SO_SNDTIMEO makes of a connect
    return result;
}
