// A library that knows nothing of fibers. Linked with -z now -z relro, so that its imports are read-only when the shim finds them.
#define _GNU_SOURCE
#include <unistd.h>

typedef ssize_t reader(int, void *, size_t);

// An import as data (a relocated word), and one by call (a slot of the global offset table).
reader *const library_read_pointer = read;

pid_t library_gettid(void);
pid_t library_gettid(void)
{
    return gettid();
}

ssize_t library_read(int descriptor, void *buffer, size_t size);
ssize_t library_read(int descriptor, void *buffer, size_t size)
{
    return read(descriptor, buffer, size);
}

int library_variable = 5;

// Somebody else's code between a fiber and what it calls.
ssize_t library_call(ssize_t (*function)(void *), void *argument);
ssize_t __attribute__((optimize("no-optimize-sibling-calls"))) library_call(ssize_t (*function)(void *), void *argument)
{
    return function(argument);
}
