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
    {"syscall", redirected_syscall, MODULES_ALL},
    {"gettid", redirected_gettid, MODULES_ALL},
    {"sigaltstack", redirected_sigaltstack, MODULES_ALL},
    {"pthread_getattr_np", redirected_pthread_getattr_np, MODULES_ALL},
    {"pthread_setname_np", redirected_pthread_setname_np, MODULES_ALL},
    {"pthread_getcpuclockid", redirected_pthread_getcpuclockid, MODULES_ALL},
    {"pthread_getschedparam", redirected_pthread_getschedparam, MODULES_ALL},
    {"pthread_setschedparam", redirected_pthread_setschedparam, MODULES_ALL},
    {"pthread_getaffinity_np", redirected_pthread_getaffinity_np, MODULES_ALL},
    {"pthread_setaffinity_np", redirected_pthread_setaffinity_np, MODULES_ALL},
    {"sched_getaffinity", redirected_sched_getaffinity, MODULES_ALL},
    {"sched_setaffinity", redirected_sched_setaffinity, MODULES_ALL},
    // The suspension signal must reach the kernel thread that runs the fiber now.
    {"pthread_kill", redirected_pthread_kill, MODULES_ALL},
    // Waits of the runtime.
    {"pthread_cond_wait", redirected_pthread_cond_wait, MODULES_RUNTIME},
    {"pthread_cond_timedwait", redirected_pthread_cond_timedwait, MODULES_RUNTIME},
    {"pthread_cond_signal", redirected_pthread_cond_signal, MODULES_RUNTIME},
    {"pthread_cond_broadcast", redirected_pthread_cond_broadcast, MODULES_RUNTIME},
    // Sockets, pipes, terminals.
    {"recv", redirected_recv, NATIVE_CODE},
    {"recvfrom", redirected_recvfrom, NATIVE_CODE},
    {"recvmsg", redirected_recvmsg, NATIVE_CODE},
    {"send", redirected_send, NATIVE_CODE},
    {"sendto", redirected_sendto, NATIVE_CODE},
    {"sendmsg", redirected_sendmsg, NATIVE_CODE},
    {"read", redirected_read, NATIVE_CODE},
    {"readv", redirected_readv, NATIVE_CODE},
    {"write", redirected_write, NATIVE_CODE},
    {"writev", redirected_writev, NATIVE_CODE},
    {"accept", redirected_accept, NATIVE_CODE},
    {"accept4", redirected_accept4, NATIVE_CODE},
    {"connect", redirected_connect, NATIVE_CODE},
    {"sendfile", redirected_sendfile, NATIVE_CODE},
    {"sendfile64", redirected_sendfile, NATIVE_CODE},
    // Waiting for several.
    {"poll", redirected_poll, NATIVE_CODE},
    {"ppoll", redirected_ppoll, NATIVE_CODE},
    {"select", redirected_select, NATIVE_CODE},
    {"epoll_wait", redirected_epoll_wait, NATIVE_CODE},
    // Files and names.
    {"pread", redirected_pread, NATIVE_CODE},
    {"pread64", redirected_pread, NATIVE_CODE},
    {"pwrite", redirected_pwrite, NATIVE_CODE},
    {"pwrite64", redirected_pwrite, NATIVE_CODE},
    {"preadv", redirected_preadv, NATIVE_CODE},
    {"preadv64", redirected_preadv, NATIVE_CODE},
    {"pwritev", redirected_pwritev, NATIVE_CODE},
    {"pwritev64", redirected_pwritev, NATIVE_CODE},
    {"fsync", redirected_fsync, NATIVE_CODE},
    {"fdatasync", redirected_fdatasync, NATIVE_CODE},
    {"flock", redirected_flock, NATIVE_CODE},
    {"open", redirected_open, NATIVE_CODE},
    {"open64", redirected_open, NATIVE_CODE},
    {"getaddrinfo", redirected_getaddrinfo, NATIVE_CODE},
    {"getnameinfo", redirected_getnameinfo, NATIVE_CODE},
    // Time and children.
    {"nanosleep", redirected_nanosleep, NATIVE_CODE},
    {"usleep", redirected_usleep, NATIVE_CODE},
    {"sleep", redirected_sleep, NATIVE_CODE},
    {"waitpid", redirected_waitpid, NATIVE_CODE},
    {"waitid", redirected_waitid, NATIVE_CODE},
    {"sched_yield", redirected_runtime_sched_yield, MODULES_RUNTIME}, // first: the runtime may be in the same program as the rest
    {"sched_yield", redirected_sched_yield, NATIVE_CODE},
    // Descriptor numbers are reused: whoever closes one must say so.
    {"close", redirected_close, NATIVE_CODE | MODULES_QUIET},
    {"dup", redirected_dup, NATIVE_CODE | MODULES_QUIET},
    {"dup2", redirected_dup2, NATIVE_CODE | MODULES_QUIET},
    {"dup3", redirected_dup3, NATIVE_CODE | MODULES_QUIET},
    // So must whoever changes how long a call on it waits.
    {"fcntl", redirected_fcntl, NATIVE_CODE | MODULES_QUIET},
    {"fcntl64", redirected_fcntl, NATIVE_CODE | MODULES_QUIET},
    {"ioctl", redirected_ioctl, NATIVE_CODE | MODULES_QUIET},
    {"setsockopt", redirected_setsockopt, NATIVE_CODE | MODULES_QUIET},
    // What is loaded later, and managed code that imports the C library directly.
    {"dlsym", redirected_dlsym, MODULES_RUNTIME | MODULES_SYSTEM},
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
