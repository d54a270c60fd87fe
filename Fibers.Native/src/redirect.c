// The list of what is redirected, and where. A redirected call passes straight through unless it is made
// on a fiber; the redirect_*.c files hold the replacements.
#include "internal.h"

#include "redirect.h"

#include <stdio.h>
#include <stdlib.h>

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
    // Sockets and pipes.
    {"recv", redirected_recv, MODULES_SYSTEM},
    {"recvfrom", redirected_recvfrom, MODULES_SYSTEM},
    {"recvmsg", redirected_recvmsg, MODULES_SYSTEM},
    {"send", redirected_send, MODULES_SYSTEM},
    {"sendto", redirected_sendto, MODULES_SYSTEM},
    {"sendmsg", redirected_sendmsg, MODULES_SYSTEM},
    {"read", redirected_read, MODULES_SYSTEM},
    {"write", redirected_write, MODULES_SYSTEM},
    {"accept", redirected_accept, MODULES_SYSTEM},
    {"accept4", redirected_accept4, MODULES_SYSTEM},
    {"connect", redirected_connect, MODULES_SYSTEM},
    {"poll", redirected_poll, MODULES_SYSTEM},
    // Descriptor numbers are reused: whoever closes one must say so.
    {"close", redirected_close, MODULES_SYSTEM | MODULES_OTHER},
    {"dup2", redirected_dup2, MODULES_SYSTEM | MODULES_OTHER},
    {"dup3", redirected_dup3, MODULES_SYSTEM | MODULES_OTHER},
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
