#include "runtime_library.h"

// Frames must stay: the shim walks them, as it walks those of the real runtime.
#define STAYS __attribute__((noinline, optimize("no-optimize-sibling-calls")))

static int STAYS wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (deadline == NULL)
        return pthread_cond_wait(condition, mutex);
    return pthread_cond_timedwait(condition, mutex, deadline);
}

static int STAYS ordinary_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    return wait_until(condition, mutex, deadline);
}

static int STAYS collection_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    return wait_until(condition, mutex, deadline);
}

static int STAYS start_up_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    return pthread_cond_wait(condition, mutex);
}

static int STAYS wake_one(pthread_cond_t *condition)
{
    return pthread_cond_signal(condition);
}

static int STAYS wake_all(pthread_cond_t *condition)
{
    return pthread_cond_broadcast(condition);
}

const struct runtime runtime_exports = {ordinary_wait, collection_wait, start_up_wait, wake_one, wake_all};
