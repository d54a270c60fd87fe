// Stands in for the .NET runtime where the shim wants to find one: its handler for the suspension signal.
#ifndef FIBERS_TEST_SUSPENSION_H
#define FIBERS_TEST_SUSPENSION_H

#include "scheduler.h"

#include <signal.h>

// Installs `handler` on the runtime's signal, as the runtime would before the shim starts, and redirects this process.
void redirect_everything(void (*handler)(int, siginfo_t *, void *));
void ignore_suspension(int signal, siginfo_t *info, void *context);

#endif
