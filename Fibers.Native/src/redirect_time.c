// Sleeping and yielding. A park with a deadline; nothing interrupts it, so nothing remains of it.
#include "redirect.h"

#include <sys/time.h>
#include <unistd.h>

// May switch. False: cancelled.
static bool sleep_until(fibers_vthread *self, int64_t deadline_ns)
{
    while (now_ns() < deadline_ns) {
        if (cancel_deliver(self))
            return false;
        self->request.reason = FIBERS_REASON_SLEEP;
        self->request.deadline_ns = deadline_ns;
        self->request.park_number = park_begin(self);
        park_leave(self, FIBERS_REQUEST_PARK);
    }
    return true;
}

int redirected_nanosleep(const struct timespec *duration, struct timespec *remaining)
{
    fibers_vthread *self = fiber_that_may_park();
    if (self == NULL || !is_duration(duration))
        return nanosleep(duration, remaining);
    int64_t deadline = deadline_after(as_nanoseconds(duration->tv_sec, duration->tv_nsec));
    if (sleep_until(self, deadline))
        return 0;
    int64_t left = deadline - now_ns();
    if (remaining != NULL)
        *remaining = (struct timespec){left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
    errno = EINTR; // the only early return a caller of nanosleep knows
    return -1;
}

int redirected_usleep(useconds_t microseconds)
{
    struct timespec duration = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
    return redirected_nanosleep(&duration, NULL);
}

unsigned int redirected_sleep(unsigned int seconds)
{
    struct timespec duration = {seconds, 0}, remaining = {0, 0};
    return redirected_nanosleep(&duration, &remaining) == 0 ? 0 : (unsigned int)(remaining.tv_sec + (remaining.tv_nsec > 0));
}

int fibers_yield(fibers_vthread *self)
{
    self->request.reason = FIBERS_REASON_YIELD;
    fibers_leave(self, FIBERS_REQUEST_YIELD);
    return 0;
}

// For native libraries; the runtime's own yields are another matter (redirected_runtime_sched_yield).
int redirected_sched_yield(void)
{
    fibers_vthread *self = fiber_that_may_park();
    return self == NULL ? sched_yield() : fibers_yield(self);
}
