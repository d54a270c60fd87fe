// Which native libraries park fibers, where the program does not want all of them to. Written once, before the first import is patched.
#include "internal.h"

#include <stdlib.h>

static char *only_these, *not_these; // comma-separated; NULL: no such list

int fibers_redirect_choose(const char *only, const char *except)
{
    free(only_these);
    free(not_these);
    only_these = only == NULL ? NULL : strdup(only);
    not_these = except == NULL ? NULL : strdup(except);
    return (only != NULL && only_these == NULL) || (except != NULL && not_these == NULL) ? ENOMEM : 0;
}

// "libpq" and "libpq.so.5" both name the file libpq.so.5.17; "lib" does not.
static bool is_named(const char *file, const char *entry, size_t length)
{
    return length > 0 && strncmp(file, entry, length) == 0 && (file[length] == '\0' || file[length] == '.');
}

static bool is_listed(const char *file, const char *list)
{
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");
        if (is_named(file, list, length))
            return true;
        list += length + (list[length] == ',');
    }
    return false;
}

bool fibers_library_parks(const char *file)
{
    return (only_these == NULL || is_listed(file, only_these)) && !is_listed(file, not_these);
}
