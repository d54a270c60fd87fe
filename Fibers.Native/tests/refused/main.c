// With a C library whose threads the shim does not know: it loads, says why it cannot be used, and answers the calls that
// need no fibers. Prints its count as shim_tests does.
#include "fibers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int checks, failures;

static void check(int holds, const char *what)
{
    checks++;
    failures += !holds;
    if (!holds)
        fprintf(stderr, "  FAILED %s\n", what);
}

int main(void)
{
    char reason[200] = "";
    check(fibers_start(reason, sizeof reason) == ENOTSUP, "fibers_start refuses");
    check(strstr(reason, "glibc") != NULL, "the reason names the C library");
    check(fibers_abi_version() == FIBERS_ABI_VERSION, "the version can be asked for");
    check(fibers_vthread_current() == NULL, "nobody is a fiber");
    check(fibers_context_benchmark(1000) > 0, "the bare switch works all the same");
    printf("%d checks in 1 topics, %d failed; refused, because %s\n", checks, failures, reason);
    return failures != 0;
}
