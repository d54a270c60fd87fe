#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC_SECONDS 100
#if defined(__x86_64__)
#define ARCHITECTURE "x64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#elif defined(__riscv)
#define ARCHITECTURE "riscv64"
#endif

static struct tally { // shared with the children
    _Atomic uint32_t checks, failures, skips;
} *tally;

static const struct topic {
    const char *name;
    void (*run)(void);
} topics[] = {
#define TOPIC(name) {#name, topic_##name},
    TOPICS(TOPIC)};

bool check_that(bool holds, const char *rule, const char *condition, const char *file, int line)
{
    atomic_fetch_add(&tally->checks, 1);
    if (!holds) {
        atomic_fetch_add(&tally->failures, 1);
        const char *slash = strrchr(file, '/');
        fprintf(stderr, "  FAILED %s: %s (%s:%d)\n", rule, condition, slash == NULL ? file : slash + 1, line);
    }
    return holds;
}

void check_skip(const char *rule, const char *why)
{
    atomic_fetch_add(&tally->skips, 1);
    printf("  not shown here, %s: %s\n", rule, why);
}

void check_give_up(void)
{
    fflush(NULL);
    _exit(1);
}

bool check_emulated(void)
{
    return getenv("FIBERS_EMULATOR") != NULL;
}

int check_scaled(int count)
{
    int scaled = check_emulated() ? count / 8 : count;
    return scaled > 0 ? scaled : 1;
}

void check_await(const char *rule, _Atomic uint32_t *word, uint32_t value)
{
    for (int64_t limit = now_ns() + 60000000000; atomic_load(word) != value;) {
        REQUIRE(rule, now_ns() < limit);
        usleep(200);
    }
}

static bool run(const struct topic *topic)
{
    uint32_t before = atomic_load(&tally->checks), failed = atomic_load(&tally->failures);
    fflush(NULL);
    int64_t start = now_ns();
    pid_t child = fork();
    if (child == 0) {
        char reason[200];
        alarm(TOPIC_SECONDS);
        if (fibers_start(reason, sizeof reason) != 0) {
            fprintf(stderr, "  FAILED to start: %s\n", reason);
            check_give_up();
        }
        topic->run();
        fflush(NULL);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        fprintf(stderr, "  FAILED %s: ended by signal %d (%s)\n", topic->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    bool passed = status == 0 && atomic_load(&tally->failures) == failed && atomic_load(&tally->checks) > before;
    printf("%-6s %-18s %4u checks %6.2f s\n", passed ? "ok" : "FAILED", topic->name, atomic_load(&tally->checks) - before, (double)(now_ns() - start) / 1e9);
    return passed;
}

// Arguments: the topics to run; all when there are none.
int main(int count, char **names)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED)
        return 2;
    int ran = 0, failed = 0;
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        bool wanted = count < 2;
        for (int n = 1; n < count; n++)
            wanted |= strcmp(names[n], topics[i].name) == 0;
        if (!wanted)
            continue;
        ran++;
        failed += !run(&topics[i]);
    }
    printf("%s: %u checks in %d topics, %u failed checks, %d failed topics, %u not shown\n", ARCHITECTURE, atomic_load(&tally->checks), ran,
           atomic_load(&tally->failures), failed, atomic_load(&tally->skips));
    return failed == 0 && ran > 0 ? 0 : 1;
}
