// Opening a fifo waits for its other end. More of them than the pool has prompt threads, and what they wait for is queued behind them.
#include "suspension.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIFOS = 24 };

static char folder[] = P_tmpdir "/fibers-fifos-XXXXXX";

static struct fifo {
    char path[sizeof folder + 8];
    char received;
} fifos[FIFOS];

static void read_one(void *argument)
{
    struct fifo *fifo = argument;
    int descriptor = open(fifo->path, O_RDONLY);
    REQUIRE("fifo", descriptor >= 0);
    CHECK("fifo", read(descriptor, &fifo->received, 1) == 1);
    close(descriptor);
}

static void write_one(void *argument)
{
    struct fifo *fifo = argument;
    int descriptor = open(fifo->path, O_WRONLY);
    REQUIRE("fifo", descriptor >= 0);
    char byte = (char)('A' + (fifo - fifos));
    CHECK("fifo", write(descriptor, &byte, 1) == 1);
    close(descriptor);
}

void topic_fifos(void)
{
    REQUIRE("fifo", mkdtemp(folder) != NULL);
    redirect_everything(ignore_suspension);
    scheduler *s = scheduler_start(1);
    for (int i = 0; i < FIFOS; i++) {
        snprintf(fifos[i].path, sizeof fifos[i].path, "%s/%d", folder, i);
        REQUIRE("fifo", mkfifo(fifos[i].path, 0600) == 0);
        scheduler_spawn(s, read_one, &fifos[i]);
    }
    for (int i = FIFOS - 1; i >= 0; i--) // those that wait longest come last
        scheduler_spawn(s, write_one, &fifos[i]);
    scheduler_stop(s);
    for (int i = 0; i < FIFOS; i++) {
        CHECK("fifo", fifos[i].received == 'A' + i);
        unlink(fifos[i].path);
    }
    rmdir(folder);
}
