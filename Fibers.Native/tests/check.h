// The harness of the shim's test programme. A topic is a file and a function; each runs in a child process of its
// own, so that one may crash, or redirect the whole process, without touching the others.
#ifndef FIBERS_CHECK_H
#define FIBERS_CHECK_H

#include "../src/internal.h"

// `rule` is the identifier of an ABI rule (docs/porting.md), or the mechanism that is checked.
#define CHECK(rule, condition) check_that((condition), rule, #condition, __FILE__, __LINE__)
// The topic cannot go on without it; not counted unless it fails.
#define REQUIRE(rule, condition)                \
    do                                          \
        if (!(condition)) {                     \
            check_that(false, rule, #condition, __FILE__, __LINE__); \
            check_give_up();                    \
        }                                       \
    while (0)

// Any thread, any fiber. Returns `holds`.
bool check_that(bool holds, const char *rule, const char *condition, const char *file, int line);
// Something this machine cannot show; printed, and never counted as a check.
void check_skip(const char *rule, const char *why);
_Noreturn void check_give_up(void);
// `count` on hardware, fewer under an emulator; at least 1.
int check_scaled(int count);
// True under a user-mode emulator (FIBERS_EMULATOR is set): the kernel interface is not quite the real one.
bool check_emulated(void);
// Waits until the word has the value; gives up with the topic when it never does.
void check_await(const char *rule, _Atomic uint32_t *word, uint32_t value);

#ifdef FIBERS_SINGLE_FILE // another programme, see single_file/
#define TOPICS(X) X(single_file)
#else
#define TOPICS(X)       \
    X(switching)        \
    X(floating_control) \
    X(recursion)        \
    X(unwinding)        \
    X(handing_over)     \
    X(lifecycle)        \
    X(revival)          \
    X(thread_locals)    \
    X(destructors)      \
    X(identity)         \
    X(guard)            \
    X(signals)          \
    X(suspension)       \
    X(redirection)      \
    X(loading)          \
    X(choice)           \
    X(reads)            \
    X(descriptors)      \
    X(children)         \
    X(forks)            \
    X(fifos)            \
    X(remembering)      \
    X(waits)            \
    X(wakeups)          \
    X(storm)            \
    X(many)             \
    X(rescue)           \
    X(refusal)
#endif
#define DECLARE_TOPIC(name) void topic_##name(void);
TOPICS(DECLARE_TOPIC)

#endif
