// Replacements for imported functions: same signatures, same results, same errno as the originals.
#ifndef FIBERS_REDIRECT_H
#define FIBERS_REDIRECT_H

#include "internal.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

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
// redirect_sockets.c, redirect_streams.c
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
ssize_t redirected_readv(int descriptor, const struct iovec *vectors, int count);
ssize_t redirected_writev(int descriptor, const struct iovec *vectors, int count);
ssize_t redirected_sendfile(int to, int from, off_t *offset, size_t size);
// redirect_poll.c
int redirected_poll(struct pollfd *entries, nfds_t count, int timeout_ms);
int redirected_ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
int redirected_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout_ms);
int redirected_select(int limit, fd_set *reading, fd_set *writing, fd_set *exceptional, struct timeval *timeout);
// redirect_files.c; the first two: regular files only, offset -1 for the descriptor's own position
ssize_t fibers_file_read(fibers_vthread *self, int descriptor, void *buffer, size_t size, int64_t offset);
ssize_t fibers_file_write(fibers_vthread *self, int descriptor, const void *buffer, size_t size, int64_t offset);
ssize_t redirected_pread(int descriptor, void *buffer, size_t size, off_t offset);
ssize_t redirected_pwrite(int descriptor, const void *buffer, size_t size, off_t offset);
ssize_t redirected_preadv(int descriptor, const struct iovec *vectors, int count, off_t offset);
ssize_t redirected_pwritev(int descriptor, const struct iovec *vectors, int count, off_t offset);
int redirected_fsync(int descriptor);
int redirected_fdatasync(int descriptor);
int redirected_flock(int descriptor, int operation);
int redirected_open(const char *path, int flags, ...);
// redirect_names.c
int redirected_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **result);
int redirected_getnameinfo(const struct sockaddr *address, socklen_t address_size, char *host, socklen_t host_size, char *service, socklen_t service_size, int flags);
// redirect_time.c; the first: fiber only, may switch
int fibers_yield(fibers_vthread *self);
int redirected_nanosleep(const struct timespec *duration, struct timespec *remaining);
int redirected_usleep(useconds_t microseconds);
unsigned int redirected_sleep(unsigned int seconds);
int redirected_sched_yield(void);
int redirected_runtime_sched_yield(void); // redirect_waits.c
// redirect_processes.c
pid_t redirected_waitpid(pid_t pid, int *status, int options);
int redirected_waitid(idtype_t kind, id_t id, siginfo_t *info, int options);
// redirect_fork.c
pid_t redirected_vfork(void);
// redirect_descriptors.c
int redirected_close(int descriptor);
int redirected_dup(int from);
int redirected_dup2(int from, int to);
int redirected_dup3(int from, int to, int flags);
int redirected_fclose(FILE *stream);
int redirected_pclose(FILE *stream);
FILE *redirected_freopen(const char *path, const char *mode, FILE *stream);
int redirected_close_range(unsigned int first, unsigned int last, int flags);
void redirected_closefrom(int first);
// redirect_options.c
int redirected_fcntl(int descriptor, int command, ...);
int redirected_ioctl(int descriptor, unsigned long command, ...);
int redirected_setsockopt(int descriptor, int level, int option, const void *value, socklen_t size);
// redirect.c
void *redirected_dlsym(void *library, const char *name);

#endif
