// Name look-ups: the C library asks files, daemons and servers, with calls nobody can see. On the pool, unless
// there is nothing to ask.
#include "offload.h"
#include "redirect.h"

#include <arpa/inet.h>
#include <netdb.h>

struct address_call {
    fibers_job job;
    const char *host, *service;
    const struct addrinfo *hints;
    struct addrinfo **result;
};

static long call_getaddrinfo(fibers_job *job)
{
    struct address_call *call = (struct address_call *)job;
    return getaddrinfo(call->host, call->service, call->hints, call->result);
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return host == NULL || inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

int redirected_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || is_numeric(host))
        return getaddrinfo(host, service, hints, result);
    struct address_call call = {{.call = call_getaddrinfo}, host, service, hints, result};
    return (int)fibers_offload(self, &call.job, FIBERS_REASON_NAME);
}

struct name_call {
    fibers_job job;
    const struct sockaddr *address;
    socklen_t address_size;
    char *host;
    socklen_t host_size;
    char *service;
    socklen_t service_size;
    int flags;
};

static long call_getnameinfo(fibers_job *job)
{
    struct name_call *call = (struct name_call *)job;
    return getnameinfo(call->address, call->address_size, call->host, call->host_size, call->service, call->service_size, call->flags);
}

int redirected_getnameinfo(const struct sockaddr *address, socklen_t address_size, char *host, socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || (flags & NI_NUMERICHOST))
        return getnameinfo(address, address_size, host, host_size, service, service_size, flags);
    struct name_call call = {{.call = call_getnameinfo}, address, address_size, host, host_size, service, service_size, flags};
    return (int)fibers_offload(self, &call.job, FIBERS_REASON_NAME);
}
