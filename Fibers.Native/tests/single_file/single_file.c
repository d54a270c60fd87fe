// A single-file application: this program says that it is the runtime, and has libSystem.Native and managed code in it. What libSystem.Native
// calls parks; what the runtime calls does not. That is seen by a lie: a call that may park is told, once, that it would block.
#include "../suspension.h"

#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

extern const uint64_t DotNetRuntimeContractDescriptor; // by this name the shim knows the runtime
const uint64_t DotNetRuntimeContractDescriptor = 1;

#define STAYS __attribute__((noinline, optimize("no-optimize-sibling-calls")))

static int ends[2];
static _Atomic uint32_t parks;

static ssize_t STAYS system_read(void *buffer)
{
    return read(ends[0], buffer, 1);
}

static ssize_t STAYS system_read_by_helper(void *buffer)
{
    return system_read(buffer);
}

static ssize_t STAYS runtime_read(void *buffer)
{
    return system_read_by_helper(buffer);
}

static void count_parks(fibers_carrier *carrier, fibers_vthread *vthread)
{
    (void)carrier;
    atomic_fetch_add(&parks, vthread->request.kind == FIBERS_REQUEST_DESCRIPTOR);
}

static struct call {
    ssize_t (*function)(void *);
    uint32_t parks;
} calls[] = {{system_read, 1}, {system_read_by_helper, 1}, {runtime_read, 0}};

static void on_fiber(void *argument)
{
    struct call *call = argument;
    char byte = 0;
    // Managed code lies in no program's text; a library's does as well.
    ssize_t (*from_managed_code)(ssize_t (*)(void *), void *) = (ssize_t (*)(ssize_t (*)(void *), void *))dlsym(RTLD_DEFAULT, "library_call");
    REQUIRE("single file", from_managed_code != NULL);
    CHECK("single file", from_managed_code(call->function, &byte) == 1 && byte == 'x');
}

void topic_single_file(void)
{
    REQUIRE("single file", dlopen("libredirected.so", RTLD_NOW | RTLD_GLOBAL) != NULL);
    REQUIRE("single file", socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    redirect_everything(ignore_suspension);
    scheduler *s = scheduler_start(1);
    scheduler_on_return(s, count_parks);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        atomic_store(&parks, 0);
        REQUIRE("single file", write(ends[1], "x", 1) == 1);
        fibers_fault_set(FIBERS_FAULT_WOULD_BLOCK, 0, 1);
        scheduler_spawn(s, on_fiber, &calls[i]);
        scheduler_wait(s);
        fibers_fault_set(FIBERS_FAULT_WOULD_BLOCK, 0, 0);
        CHECK("single file", atomic_load(&parks) == calls[i].parks);
    }
    scheduler_stop(s);
}
