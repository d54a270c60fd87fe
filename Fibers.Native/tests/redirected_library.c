// A library that knows nothing of fibers. Linked with -z now -z relro, so that its imports are read-only when the shim finds them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
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

// ---- a collection that needs a fiber (Fibers.Tests/Blocking/Rescue.cs) -----------------------------------------------

// The fiber: parks until the fifo's other end is opened, and says so before managed code is entered again.
int library_open_and_say(const char *fifo, _Atomic int *said);
int library_open_and_say(const char *fifo, _Atomic int *said)
{
    int descriptor = open(fifo, O_RDONLY);
    atomic_store(said, 1);
    return close(descriptor);
}

// A thread that the runtime takes to be in managed code: no collection can go on before it returns. Waits until one asks it to stop,
// by a signal; then opens the fifo's other end and waits until the fiber has run. -1: one of these did not happen in time.
int library_hold_up_collection(const char *fifo, _Atomic int *said, int seconds);
int library_hold_up_collection(const char *fifo, _Atomic int *said, int seconds)
{
    struct timespec limit = {seconds, 0}, moment = {0, 1000000};
    if (nanosleep(&limit, NULL) == 0)
        return -1;
    int descriptor = open(fifo, O_WRONLY);
    for (int64_t rounds = seconds * 1000; rounds > 0 && !atomic_load(said); rounds--)
        nanosleep(&moment, NULL);
    close(descriptor);
    return atomic_load(said) ? 0 : -1;
}
