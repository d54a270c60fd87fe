// The list of what is redirected, and where. A redirected call passes straight through unless it is made
// on a fiber; the redirect_*.c files hold the replacements.
#include "internal.h"

#include "redirect.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

// The runtime itself is left alone but for what it needs: it reads and writes with its own locks held.
#define NATIVE_CODE (MODULES_SYSTEM | MODULES_OTHER)

static const import redirected[] = {
    // Who am I: the runtime must find the fiber, not its carrier.
    {redirected_syscall, "syscall", MODULES_ALL},
    {redirected_gettid, "gettid", MODULES_ALL},
    {redirected_sigaltstack, "sigaltstack", MODULES_ALL},
    {redirected_pthread_getattr_np, "pthread_getattr_np", MODULES_ALL},
    {redirected_pthread_setname_np, "pthread_setname_np", MODULES_ALL},
    {redirected_pthread_getcpuclockid, "pthread_getcpuclockid", MODULES_ALL},
    {redirected_pthread_getschedparam, "pthread_getschedparam", MODULES_ALL},
    {redirected_pthread_setschedparam, "pthread_setschedparam", MODULES_ALL},
    {redirected_pthread_getaffinity_np, "pthread_getaffinity_np", MODULES_ALL},
    {redirected_pthread_setaffinity_np, "pthread_setaffinity_np", MODULES_ALL},
    {redirected_sched_getaffinity, "sched_getaffinity", MODULES_ALL},
    {redirected_sched_setaffinity, "sched_setaffinity", MODULES_ALL},
    // The suspension signal must reach the kernel thread that runs the fiber now.
    {redirected_pthread_kill, "pthread_kill", MODULES_ALL},
    // Waits of the runtime.
    {redirected_pthread_cond_wait, "pthread_cond_wait", MODULES_RUNTIME},
    {redirected_pthread_cond_timedwait, "pthread_cond_timedwait", MODULES_RUNTIME},
    {redirected_pthread_cond_signal, "pthread_cond_signal", MODULES_RUNTIME},
    {redirected_pthread_cond_broadcast, "pthread_cond_broadcast", MODULES_RUNTIME},
    // Sockets, pipes, terminals.
    {redirected_recv, "recv", NATIVE_CODE},
    {redirected_recvfrom, "recvfrom", NATIVE_CODE},
    {redirected_recvmsg, "recvmsg", NATIVE_CODE},
    {redirected_send, "send", NATIVE_CODE},
    {redirected_sendto, "sendto", NATIVE_CODE},
    {redirected_sendmsg, "sendmsg", NATIVE_CODE},
    {redirected_read, "read", NATIVE_CODE},
    {redirected_readv, "readv", NATIVE_CODE},
    {redirected_write, "write", NATIVE_CODE},
    {redirected_writev, "writev", NATIVE_CODE},
    {redirected_accept, "accept", NATIVE_CODE},
    {redirected_accept4, "accept4", NATIVE_CODE},
    {redirected_connect, "connect", NATIVE_CODE},
    {redirected_sendfile, "sendfile", NATIVE_CODE},
    {redirected_sendfile, "sendfile64", NATIVE_CODE},
    // Waiting for several.
    {redirected_poll, "poll", NATIVE_CODE},
    {redirected_ppoll, "ppoll", NATIVE_CODE},
    {redirected_select, "select", NATIVE_CODE},
    {redirected_epoll_wait, "epoll_wait", NATIVE_CODE},
    // Files and names.
    {redirected_pread, "pread", NATIVE_CODE},
    {redirected_pread, "pread64", NATIVE_CODE},
    {redirected_pwrite, "pwrite", NATIVE_CODE},
    {redirected_pwrite, "pwrite64", NATIVE_CODE},
    {redirected_preadv, "preadv", NATIVE_CODE},
    {redirected_preadv, "preadv64", NATIVE_CODE},
    {redirected_pwritev, "pwritev", NATIVE_CODE},
    {redirected_pwritev, "pwritev64", NATIVE_CODE},
    {redirected_fsync, "fsync", NATIVE_CODE},
    {redirected_fdatasync, "fdatasync", NATIVE_CODE},
    {redirected_flock, "flock", NATIVE_CODE},
    {redirected_open, "open", NATIVE_CODE},
    {redirected_open, "open64", NATIVE_CODE},
    {redirected_getaddrinfo, "getaddrinfo", NATIVE_CODE},
    {redirected_getnameinfo, "getnameinfo", NATIVE_CODE},
    // Time and children.
    {redirected_nanosleep, "nanosleep", NATIVE_CODE},
    {redirected_usleep, "usleep", NATIVE_CODE},
    {redirected_sleep, "sleep", NATIVE_CODE},
    {redirected_waitpid, "waitpid", NATIVE_CODE},
    {redirected_waitid, "waitid", NATIVE_CODE},
    {redirected_runtime_sched_yield, "sched_yield", MODULES_RUNTIME}, // first: the runtime may be in the same program as the rest
    {redirected_sched_yield, "sched_yield", NATIVE_CODE},
    {redirected_vfork, "vfork", MODULES_ALL},
    // Descriptor numbers are reused: whoever closes one must say so.
    {redirected_close, "close", NATIVE_CODE | MODULES_QUIET},
    {redirected_dup, "dup", NATIVE_CODE | MODULES_QUIET},
    {redirected_dup2, "dup2", NATIVE_CODE | MODULES_QUIET},
    {redirected_dup3, "dup3", NATIVE_CODE | MODULES_QUIET},
    // So must whoever changes how long a call on it waits.
    {redirected_fcntl, "fcntl", NATIVE_CODE | MODULES_QUIET},
    {redirected_fcntl, "fcntl64", NATIVE_CODE | MODULES_QUIET},
    {redirected_ioctl, "ioctl", NATIVE_CODE | MODULES_QUIET},
    {redirected_setsockopt, "setsockopt", NATIVE_CODE | MODULES_QUIET},
    // What is loaded later, and managed code that imports the C library directly.
    {redirected_dlsym, "dlsym", MODULES_RUNTIME | MODULES_SYSTEM},
};

#define COUNT (sizeof redirected / sizeof redirected[0])

int fibers_start(char *reason, size_t reason_size)
{
    int error = fibers_thread_pointer_start(reason, reason_size);
    if (error == 0)
        error = fibers_thread_block_start(reason, reason_size);
    if (error != 0)
        return error;
    fibers_stacks_start();
    fibers_vthread_start();
    fibers_descriptors_start();
    fibers_fork_start();
    return 0;
}

int fibers_redirect_install(char *reason, size_t reason_size)
{
    int error = fibers_signals_start(reason, reason_size);
    if (error != 0)
        return error;
    if (fibers_import_patch(redirected, COUNT, false) == 0) {
        snprintf(reason, reason_size, "no import of the .NET runtime could be redirected");
        return ENOENT;
    }
    return 0;
}

int fibers_redirect_scan(void)
{
    return fibers_import_patch(redirected, COUNT, true);
}

void *fibers_redirect_lookup(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(redirected[i].name, name) == 0)
            return redirected[i].replacement;
    return NULL;
}

// A library is loaded, then asked for its functions: so this is when new ones are found. And a function of the C
// library that managed code imports itself ([DllImport("libc")]) is replaced like an import of native code.
void *redirected_dlsym(void *library, const char *name)
{
    void *found = dlsym(library, name);
    fibers_redirect_scan();
    if (found == NULL)
        return NULL;
    for (size_t i = 0; i < COUNT; i++)
        if ((redirected[i].modules & MODULES_OTHER) && strcmp(redirected[i].name, name) == 0 && found == dlsym(RTLD_DEFAULT, name))
            return redirected[i].replacement;
    return found;
}
