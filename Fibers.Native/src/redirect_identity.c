// What the runtime and native libraries ask about "this thread". On a fiber the answer is the virtual
// thread's; everywhere else the question passes straight through.
#include "redirect.h"

#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

// .NET 10 finds the current thread in signal handlers by its id, and System.Threading.Lock takes its
// owner's id from it: two fibers of one carrier must not answer the same. SEE why-the-collector-believes-us
pid_t redirected_gettid(void)
{
    fibers_vthread *self = fibers_self;
    return self != NULL ? self->virtual_tid : (pid_t)syscall(SYS_gettid);
}

long redirected_syscall(long number, ...)
{
    if (number == SYS_gettid)
        return redirected_gettid();
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    switch (number) { // what must be noted, however it is called
    case SYS_close: return redirected_close((int)a);
    case SYS_dup: return redirected_dup((int)a);
#if defined(SYS_dup2)
    case SYS_dup2: return redirected_dup2((int)a, (int)b);
#endif
#if defined(SYS_close_range)
    case SYS_close_range: return redirected_close_range((unsigned int)a, (unsigned int)b, (int)c);
#endif
    case SYS_dup3: return redirected_dup3((int)a, (int)b, (int)c);
    case SYS_fcntl: return redirected_fcntl((int)a, (int)b, c);
    case SYS_ioctl: return redirected_ioctl((int)a, (unsigned long)b, c);
    case SYS_setsockopt: return redirected_setsockopt((int)a, (int)b, (int)c, (const void *)d, (socklen_t)e);
    default: return syscall(number, a, b, c, d, e, f);
    }
}

// "One exists." The carrier's is used; an own one per fiber would cost two mappings each, and 30,000
// fibers would exhaust vm.max_map_count.
int redirected_sigaltstack(const stack_t *wanted, stack_t *old)
{
    if (fibers_self == NULL)
        return sigaltstack(wanted, old);
    if (old != NULL) {
        int result = sigaltstack(NULL, old);
        if (result != 0)
            return result;
        if (wanted != NULL)
            old->ss_flags = SS_DISABLE; // nothing of this thread's to free
        else
            old->ss_flags &= ~SS_DISABLE;
    }
    return 0;
}

// The C library would ask the kernel for the thread's affinity, by an id the kernel does not know.
int redirected_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    fibers_vthread *target = fibers_vthread_of(thread);
    if (target == NULL)
        return pthread_getattr_np(thread, attributes);
    int error = pthread_attr_init(attributes);
    if (error == 0)
        error = pthread_attr_setstack(attributes, target->stack_low, (size_t)((char *)target->stack_high - (char *)target->stack_low));
    if (error == 0)
        error = pthread_attr_setdetachstate(attributes, PTHREAD_CREATE_DETACHED);
    return error;
}

// Would rename the carrier. The .NET thread keeps the name; dumps take it from there.
int redirected_pthread_setname_np(pthread_t thread, const char *name)
{
    if (fibers_vthread_of(thread) == NULL)
        return pthread_setname_np(thread, name);
    return strlen(name) > 15 ? ERANGE : 0;
}

int redirected_pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
    fibers_vthread *target = fibers_vthread_of(thread);
    if (target == NULL)
        return pthread_getcpuclockid(thread, clock);
    if (target != fibers_self)
        return ESRCH;
    *clock = CLOCK_THREAD_CPUTIME_ID; // of the carrier that happens to run it: there is no other
    return 0;
}

int redirected_pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *parameters)
{
    if (fibers_vthread_of(thread) == NULL)
        return pthread_getschedparam(thread, policy, parameters);
    *policy = SCHED_OTHER;
    parameters->sched_priority = 0;
    return 0;
}

int redirected_pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *parameters)
{
    if (fibers_vthread_of(thread) == NULL)
        return pthread_setschedparam(thread, policy, parameters);
    return policy == SCHED_OTHER && parameters->sched_priority == 0 ? 0 : EPERM;
}

int redirected_pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
    if (fibers_vthread_of(thread) == NULL)
        return pthread_getaffinity_np(thread, size, set);
    return sched_getaffinity(0, size, set) == 0 ? 0 : errno;
}

int redirected_pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
    if (fibers_vthread_of(thread) == NULL)
        return pthread_setaffinity_np(thread, size, set);
    return 0; // a fiber has no processor of its own to prefer
}

static bool is_own_id(pid_t tid)
{
    fibers_vthread *self = fibers_self;
    return self != NULL && tid == self->virtual_tid;
}

int redirected_sched_getaffinity(pid_t tid, size_t size, cpu_set_t *set)
{
    return sched_getaffinity(is_own_id(tid) ? 0 : tid, size, set);
}

int redirected_sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *set)
{
    if (fibers_self != NULL && (tid == 0 || is_own_id(tid)))
        return 0;
    return sched_setaffinity(tid, size, set);
}
