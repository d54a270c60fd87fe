// Stands in for libcoreclr.so, and bears its name: the shim tells the runtime by it.
#ifndef FIBERS_TEST_RUNTIME_H
#define FIBERS_TEST_RUNTIME_H

#include <pthread.h>
#include <time.h>

struct runtime {
    // The two places where the runtime waits for anything; a deadline on the monotonic clock, or NULL.
    int (*wait)(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline);
    // The same places, reached by way of a wait for the end of a collection.
    int (*collection_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline);
    // Another place, where the runtime holds a native lock.
    int (*start_up_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex);
    int (*signal)(pthread_cond_t *condition);
    int (*broadcast)(pthread_cond_t *condition);
};

extern const struct runtime runtime_exports;

#endif
