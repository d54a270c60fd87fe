// What is redirected (redirected.h), and where. A redirected call passes straight through unless it is made
// on a fiber; the redirect_*.c files hold the replacements.
#include "internal.h"

#include "redirect.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

// The runtime itself is left alone but for what it needs: it reads and writes with its own locks held.
#define NATIVE_CODE (MODULES_SYSTEM | MODULES_OTHER)

#define X(name, replacement, modules) #name "\0"
static const char names[] =
#include "redirected.h"
    ;
#undef X
#define X(name, replacement, modules) replacement,
static void *const replacements[] = {
#include "redirected.h"
};
#undef X
#define X(name, replacement, modules) modules,
static const uint8_t modules[] = {
#include "redirected.h"
};
#undef X

#define COUNT (sizeof replacements / sizeof replacements[0])
_Static_assert(COUNT <= MAX_IMPORTS, "more than a scan has room for");
static const imports redirected = {COUNT, names, replacements, modules};

// The first of that name that is for any of these modules, or NULL.
static void *find(const char *name, uint8_t among)
{
    const char *candidate = names;
    for (size_t i = 0; i < COUNT; i++, candidate += strlen(candidate) + 1)
        if ((modules[i] & among) && strcmp(candidate, name) == 0)
            return replacements[i];
    return NULL;
}

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
    if (fibers_import_patch(&redirected, false) == 0) {
        snprintf(reason, reason_size, "no import of the .NET runtime could be redirected");
        return ENOENT;
    }
    return 0;
}

int fibers_redirect_scan(void)
{
    return fibers_import_patch(&redirected, true);
}

void *fibers_redirect_lookup(const char *name)
{
    return find(name, UINT8_MAX);
}

// A library is loaded, then asked for its functions: so this is when new ones are found. And a function of the C
// library that managed code imports itself ([DllImport("libc")]) is replaced like an import of native code.
void *redirected_dlsym(void *library, const char *name)
{
    void *found = dlsym(library, name);
    fibers_redirect_scan();
    if (found == NULL)
        return NULL;
    void *replacement = find(name, MODULES_OTHER);
    return replacement != NULL && found == dlsym(RTLD_DEFAULT, name) ? replacement : found;
}
