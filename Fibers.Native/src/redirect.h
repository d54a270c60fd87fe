// Replacements for imported functions: same signatures, same results, same errno as the originals.
#ifndef FIBERS_REDIRECT_H
#define FIBERS_REDIRECT_H

#include "internal.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

// redirect_identity.c
long redirected_syscall(long number, ...);
pid_t redirected_gettid(void);
int redirected_sigaltstack(const stack_t *wanted, stack_t *old);
int redirected_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes);
int redirected_pthread_setname_np(pthread_t thread, const char *name);
int redirected_pthread_getcpuclockid(pthread_t thread, clockid_t *clock);
int redirected_pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *parameters);
int redirected_pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *parameters);
int redirected_pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set);
int redirected_pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set);
int redirected_sched_getaffinity(pid_t tid, size_t size, cpu_set_t *set);
int redirected_sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *set);
// redirect_signals.c
int redirected_pthread_kill(pthread_t thread, int signal);
// redirect_waits.c
int redirected_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int redirected_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline);
int redirected_pthread_cond_signal(pthread_cond_t *condition);
int redirected_pthread_cond_broadcast(pthread_cond_t *condition);
// redirect_sockets.c
ssize_t redirected_recv(int descriptor, void *buffer, size_t size, int flags);
ssize_t redirected_recvfrom(int descriptor, void *buffer, size_t size, int flags, struct sockaddr *from, socklen_t *from_size);
ssize_t redirected_recvmsg(int descriptor, struct msghdr *message, int flags);
ssize_t redirected_send(int descriptor, const void *buffer, size_t size, int flags);
ssize_t redirected_sendto(int descriptor, const void *buffer, size_t size, int flags, const struct sockaddr *to, socklen_t to_size);
ssize_t redirected_sendmsg(int descriptor, const struct msghdr *message, int flags);
ssize_t redirected_read(int descriptor, void *buffer, size_t size);
ssize_t redirected_write(int descriptor, const void *buffer, size_t size);
int redirected_accept(int descriptor, struct sockaddr *from, socklen_t *from_size);
int redirected_accept4(int descriptor, struct sockaddr *from, socklen_t *from_size, int flags);
int redirected_connect(int descriptor, const struct sockaddr *to, socklen_t to_size);
int redirected_poll(struct pollfd *entries, nfds_t count, int timeout_ms);
// redirect_descriptors.c
int redirected_close(int descriptor);
int redirected_dup2(int from, int to);
int redirected_dup3(int from, int to, int flags);

#endif
