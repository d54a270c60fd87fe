// Calls that change how long other calls on a descriptor wait, or give its file a second number. They do what they do, and it is noted
// (descriptor_memory.c).
#include "descriptor_memory.h"
#include "redirect.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <sys/ioctl.h>

// The argument may be an int, a pointer, or missing: on all three architectures it travels in the same register, and what the caller has not
// put there the kernel does not look at.
#define THE_ARGUMENT(last)                        \
    ({                                            \
        va_list arguments;                        \
        va_start(arguments, last);                \
        void *value = va_arg(arguments, void *);  \
        va_end(arguments);                        \
        value;                                    \
    })

_Static_assert(SO_RCVTIMEO == 20 && SO_SNDTIMEO == 21, "other numbers than is_time_out knows");

int redirected_fcntl(int descriptor, int command, ...)
{
    if (command == F_GETFL)
        return descriptor_get_flags(descriptor);
    void *argument = THE_ARGUMENT(command);
    int result = command == F_SETFL ? descriptor_set_flags(descriptor, (int)(intptr_t)argument) : fcntl(descriptor, command, argument);
    if (command == F_SETFL)
        descriptor_options_changed(descriptor);
    else if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        descriptor_is_shared(descriptor, result);
    return result;
}

int redirected_ioctl(int descriptor, unsigned long command, ...)
{
    void *argument = THE_ARGUMENT(command);
    if ((unsigned int)command != FIONBIO || argument == NULL) // the kernel looks at no more of it
        return ioctl(descriptor, command, argument);
    int result = descriptor_set_never_waiting(descriptor, argument);
    descriptor_options_changed(descriptor);
    return result;
}

// Each time-out has two numbers, for two sizes of time, and the C library has names for one of them.
static bool is_time_out(int option)
{
    return option == 20 || option == 21 || option == 66 || option == 67;
}

static bool changes_manners(int level, int option)
{
    return level == SOL_SOCKET ? is_time_out(option) || option == SO_RCVLOWAT : level == IPPROTO_TCP && option == TCP_ULP;
}

int redirected_setsockopt(int descriptor, int level, int option, const void *value, socklen_t size)
{
    int result = setsockopt(descriptor, level, option, value, size);
    if (changes_manners(level, option))
        descriptor_options_changed(descriptor);
    return result;
}
