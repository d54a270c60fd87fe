// Imports of unmodified libraries are rewritten, those loaded later too, and their pages are read-only again afterwards.
#include "suspension.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The protection of the page at `address`, as the kernel shows it: "r--p".
static void protection_at(const void *address, char protection[5])
{
    char line[600];
    unsigned long low, high;
    strcpy(protection, "none");
    FILE *maps = fopen("/proc/self/maps", "r");
    REQUIRE("maps", maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        char found[5];
        if (sscanf(line, "%lx-%lx %4s", &low, &high, found) == 3 && (uintptr_t)address >= low && (uintptr_t)address < high)
            strcpy(protection, found);
    }
    fclose(maps);
}

// Counts the pages of a library that are writable, and those that are writable and executable.
static void count_writable(const char *library, int *writable, int *unsafe)
{
    char line[600], protection[5];
    unsigned long low, high;
    *writable = *unsafe = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    REQUIRE("maps", maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, library) != NULL && sscanf(line, "%lx-%lx %4s", &low, &high, protection) == 3) {
            int pages = (int)((high - low) / (unsigned long)sysconf(_SC_PAGESIZE));
            *writable += protection[1] == 'w' ? pages : 0;
            *unsafe += protection[1] == 'w' && protection[2] == 'x' ? pages : 0;
        }
    fclose(maps);
}

static struct library {
    pid_t (*gettid)(void);
    ssize_t (*read)(int, void *, size_t);
    void *const *read_pointer;
    int *variable;
} library;

static void on_fiber(void *result)
{
    *(pid_t *)result = library.gettid();
}

static void on_a_fiber_it_sees_the_virtual_tid(const char *rule)
{
    fibers_inbox *inbox = fibers_inbox_create();
    fibers_stacks *stacks = fibers_stacks_create(TEST_STACK);
    REQUIRE(rule, fibers_carrier_attach(inbox) != NULL);
    pid_t seen = 0;
    fibers_vthread *vthread = vthread_new(stacks, inbox, on_fiber, &seen);
    fibers_run(vthread);
    CHECK(rule, seen == vthread->virtual_tid);
    CHECK("destroy", fibers_vthread_destroy(vthread) == 0);
    fibers_carrier_detach();
    fibers_inbox_destroy(inbox);
    fibers_stacks_destroy(stacks);
}

void topic_redirection(void)
{
    CHECK("scan", fibers_redirect_lookup("read") != NULL && fibers_redirect_lookup("read") != (void *)read);
    redirect_everything(ignore_suspension);
    CHECK("scan", fibers_redirect_scan() == 0); // nothing was loaded since
    void *handle = dlopen("libredirected.so", RTLD_NOW);
    REQUIRE("load", handle != NULL);
    library = (struct library){(pid_t (*)(void))dlsym(handle, "library_gettid"), (ssize_t (*)(int, void *, size_t))dlsym(handle, "library_read"),
                               dlsym(handle, "library_read_pointer"), dlsym(handle, "library_variable")};
    REQUIRE("load", library.gettid != NULL && library.read != NULL && library.read_pointer != NULL && library.variable != NULL);

    char before[5], after[5];
    int writable_before, writable_after, unsafe;
    protection_at(library.read_pointer, before);
    count_writable("libredirected.so", &writable_before, &unsafe);
    CHECK("relro", strcmp(before, "r--p") == 0);
    CHECK("scan", *library.read_pointer != fibers_redirect_lookup("read"));
    CHECK("scan", fibers_redirect_scan() >= 3); // gettid, read by call, read as data
    CHECK("scan", fibers_redirect_scan() == 0);
    CHECK("scan", *library.read_pointer == fibers_redirect_lookup("read"));
    protection_at(library.read_pointer, after);
    count_writable("libredirected.so", &writable_after, &unsafe);
    CHECK("relro", strcmp(after, before) == 0);
    CHECK("relro", writable_after == writable_before && unsafe == 0);
    (*library.variable)++; // its ordinary data stays writable
    CHECK("relro", *library.variable == 6);

    // Off a fiber the redirected calls pass straight through.
    int pair[2];
    char text[4] = "";
    REQUIRE("pass through", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK("pass through", library.gettid() == (pid_t)syscall(SYS_gettid));
    CHECK("pass through", write(pair[0], "abc", 3) == 3 && library.read(pair[1], text, 3) == 3 && strcmp(text, "abc") == 0);
    CHECK("pass through", library.read(-1, text, 3) == -1 && errno == EBADF);

    on_a_fiber_it_sees_the_virtual_tid("redirect");
    close(pair[0]);
    close(pair[1]);
}

// ---- while others load and unload -----------------------------------------------------------------------------------------

static _Atomic uint32_t loading;

static void *load_and_unload(void *unused)
{
    (void)unused;
    for (int i = 0; i < check_scaled(4000); i++) {
        void *handle = dlopen("libredirected.so", RTLD_NOW);
        REQUIRE("load", handle != NULL);
        dlclose(handle);
    }
    atomic_fetch_sub(&loading, 1);
    return NULL;
}

// A scan looks at modules under one lock of the loader, and must not ask for the other: who loads has them in the other order.
void topic_loading(void)
{
    enum { LOADERS = 2 };
    redirect_everything(ignore_suspension);
    pthread_t threads[LOADERS];
    atomic_store(&loading, LOADERS);
    for (int i = 0; i < LOADERS; i++)
        REQUIRE("load", pthread_create(&threads[i], NULL, load_and_unload, NULL) == 0);
    while (atomic_load(&loading) > 0)
        fibers_redirect_scan();
    for (int i = 0; i < LOADERS; i++)
        pthread_join(threads[i], NULL);
    void *handle = dlopen("libredirected.so", RTLD_NOW);
    REQUIRE("load", handle != NULL);
    void *const *pointer = dlsym(handle, "library_read_pointer");
    fibers_redirect_scan();
    CHECK("load", *pointer == fibers_redirect_lookup("read"));
}

// ---- libraries that are left alone ------------------------------------------------------------------------------------

// In a process of its own, because what is redirected stays so: does the library's read park?
static bool parks(const char *only, const char *except)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        void *handle = dlopen("libredirected.so", RTLD_NOW);
        REQUIRE("choice", handle != NULL && fibers_redirect_choose(only, except) == 0);
        redirect_everything(ignore_suspension);
        void *const *pointer = dlsym(handle, "library_read_pointer");
        _exit(*pointer == fibers_redirect_lookup("read"));
    }
    int status;
    REQUIRE("choice", waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status) != 0;
}

void topic_choice(void)
{
    CHECK("choice", parks(NULL, NULL));
    CHECK("choice", !parks(NULL, "libother,libredirected"));
    CHECK("choice", !parks(NULL, "libredirected.so"));
    CHECK("choice", parks(NULL, "libredir,redirected,libredirected.so.1,,"));
    CHECK("choice", !parks("libother", NULL));
    CHECK("choice", parks("libother,libredirected", ""));
    CHECK("choice", !parks("libredirected", "libredirected"));

    // Who it is on is right all the same.
    void *handle = dlopen("libredirected.so", RTLD_NOW);
    REQUIRE("choice", handle != NULL && fibers_redirect_choose(NULL, "libredirected") == 0);
    redirect_everything(ignore_suspension);
    library.gettid = (pid_t (*)(void))dlsym(handle, "library_gettid");
    on_a_fiber_it_sees_the_virtual_tid("choice");
}
