// What is remembered of a connection spares the kernel questions, and never outlives what it says.
#include "suspension.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int near_end, far_end;

static struct reader {
    fibers_vthread *_Atomic vthread;
    volatile ssize_t result;
    int error;
    int64_t deadline_ns; // of its last wait
} reader;

static void connect_both(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    REQUIRE("connection", bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    REQUIRE("connection", getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    far_end = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE("connection", connect(far_end, (struct sockaddr *)&address, size) == 0);
    near_end = accept(listener, NULL, NULL);
    REQUIRE("connection", near_end >= 0);
    close(listener);
}

static void disconnect_both(void)
{
    close(near_end);
    close(far_end);
}

static void read_some(void *unused)
{
    (void)unused;
    char data[16];
    atomic_store(&reader.vthread, fibers_vthread_current());
    ssize_t result = recv(near_end, data, sizeof data, 0);
    reader.error = errno;
    reader.deadline_ns = fibers_vthread_current()->request.deadline_ns;
    reader.result = result;
}

static void begin_read(scheduler *s)
{
    reader = (struct reader){.result = -2};
    scheduler_spawn(s, read_some, NULL);
}

static void await_parked(void)
{
    for (int64_t limit = now_ns() + 60000000000;;) {
        fibers_vthread *vthread = atomic_load(&reader.vthread);
        if (vthread != NULL && FIBERS_PARK_STATE(atomic_load(&vthread->park_word)) == FIBERS_PARKED)
            return;
        REQUIRE("wait", now_ns() < limit);
        sched_yield();
    }
}

// A read that must wait, and gets three of the sixteen bytes it asks for.
static void read_three(scheduler *s)
{
    begin_read(s);
    await_parked();
    CHECK("data", send(far_end, "abc", 3, 0) == 3);
    scheduler_wait(s);
    CHECK("data", reader.result == 3);
}

// The kernel has been asked how it waits, and the last read took all there was.
static void connect_and_remember(scheduler *s)
{
    connect_both();
    read_three(s);
    read_three(s);
}

// Whether the next read asks the kernel before it waits: it would be told that it was interrupted.
static bool asks_first(scheduler *s)
{
    fibers_fault_set(FIBERS_FAULT_INTERRUPTED, 0, 1);
    begin_read(s);
    while (reader.result == -2) {
        fibers_vthread *vthread = atomic_load(&reader.vthread);
        if (vthread == NULL || FIBERS_PARK_STATE(atomic_load(&vthread->park_word)) != FIBERS_PARKED)
            continue;
        fibers_fault_set(FIBERS_FAULT_INTERRUPTED, 0, 0);
        CHECK("data", send(far_end, "abc", 3, 0) == 3);
        scheduler_wait(s);
        return false;
    }
    scheduler_wait(s);
    CHECK("fault", reader.result == -1 && reader.error == EINTR);
    return true;
}

static void spared(scheduler *s)
{
    connect_both();
    CHECK("first", asks_first(s));
    read_three(s);
    CHECK("second", !asks_first(s));
    CHECK("third", !asks_first(s));
    CHECK("together", send(far_end, "abc", 3, 0) == 3);
    begin_read(s); // it may be there already: the poller says so
    scheduler_wait(s);
    CHECK("together", reader.result == 3);
    disconnect_both();
}

static void ends(scheduler *s)
{
    connect_and_remember(s);
    close(far_end);
    begin_read(s);
    scheduler_wait(s);
    CHECK("end", reader.result == 0);
    close(near_end);
}

// The next connection with the number of one that is remembered as empty.
static void same_number(scheduler *s)
{
    connect_and_remember(s);
    int number = near_end, old_far_end = far_end;
    connect_both();
    REQUIRE("number", dup2(near_end, number) == number);
    close(near_end);
    near_end = number;
    CHECK("number", send(far_end, "abcd", 4, 0) == 4);
    begin_read(s);
    scheduler_wait(s);
    CHECK("number", reader.result == 4);
    CHECK("number", asks_first(s)); // there is nothing, but who has asked how it waits?
    close(old_far_end);
    disconnect_both();
}

typedef void change(void);

static void by_fcntl(void)
{
    CHECK("change", fcntl(near_end, F_SETFL, fcntl(near_end, F_GETFL) | O_NONBLOCK) == 0);
}

static void by_ioctl(void)
{
    int on = 1;
    CHECK("change", ioctl(near_end, FIONBIO, &on) == 0);
}

static void by_another_number(void)
{
    int other = dup(near_end);
    CHECK("change", fcntl(other, F_SETFL, fcntl(other, F_GETFL) | O_NONBLOCK) == 0);
    close(other);
}

static void by_a_third_number(void)
{
    int other = fcntl(near_end, F_DUPFD_CLOEXEC, 100);
    int third = fcntl(other, F_DUPFD, 100);
    CHECK("change", fcntl(third, F_SETFL, fcntl(third, F_GETFL) | O_NONBLOCK) == 0);
    close(other);
    close(third);
}

static void by_time_out(void)
{
    struct timeval soon = {0, 20000}, late = {600, 0};
    CHECK("change", setsockopt(near_end, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    CHECK("change", setsockopt(near_end, SOL_SOCKET, SO_SNDTIMEO, &late, sizeof late) == 0); // the other direction
}

static void by_low_water(void)
{
    int low = 50;
    CHECK("change", setsockopt(near_end, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low) == 0);
}

// Below it no edge comes, so nothing may be taken for granted.
static void low_water(scheduler *s)
{
    connect_and_remember(s);
    by_low_water();
    CHECK("low water", send(far_end, "abc", 3, 0) == 3);
    begin_read(s);
    scheduler_wait(s);
    CHECK("low water", reader.result == 3);
    CHECK("low water", asks_first(s));
    disconnect_both();
}

// A packet each, whatever their protocol is called.
static void no_stream(scheduler *s)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    near_end = socket(AF_NETLINK, SOCK_RAW, IPPROTO_TCP);
    if (near_end < 0)
        return; // a kernel without it
    begin_read(s);
    await_parked();
    CHECK("no stream", (atomic_load(&table[near_end].manners) & 3) == 2);
    int number = near_end;
    near_end = -1;
    close(number);
    scheduler_wait(s);
}

static _Atomic bool holding, hold;

static void keep_the_carrier(void *unused)
{
    (void)unused;
    atomic_store(&holding, true);
    while (atomic_load(&hold)) {
    }
}

// What came in time counts, though the time is over before anybody looks.
static void time_out_with_data(scheduler *s)
{
    connect_both();
    struct timeval late = {600, 0};
    CHECK("in time", setsockopt(near_end, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late) == 0);
    begin_read(s);
    await_parked();
    atomic_store(&hold, true);
    scheduler_spawn(s, keep_the_carrier, NULL);
    while (!atomic_load(&holding))
        sched_yield();
    fibers_vthread *vthread = atomic_load(&reader.vthread);
    CHECK("in time", send(far_end, "abc", 3, 0) == 3);
    CHECK("in time", park_wake(vthread, FIBERS_PARK_NUMBER(atomic_load(&vthread->park_word)), FIBERS_WAKE_TIMEOUT));
    atomic_store(&hold, false);
    scheduler_wait(s);
    CHECK("in time", reader.result == 3);
    disconnect_both();
}

// For as long as a sendfile needs it, the file never waits; that is nobody else's business, and what others set meanwhile is what they find.
static void lent(scheduler *s)
{
    int32_t capacity;
    fibers_descriptor *table = fibers_descriptor_table(&capacity);
    char text[4];
    connect_both();
    int flags = fcntl(near_end, F_GETFL), on = 1, off = 0;
    CHECK("lent", fcntl(near_end, F_SETFL, flags | O_NONBLOCK) == 0);
    uint32_t file = atomic_load(&table[near_end].generation) >> 8 & 0xffff;
    atomic_store(&table[near_end].lent, 1u << 16 | file);
    CHECK("lent", fcntl(near_end, F_GETFL) == flags);
    read_three(s);
    CHECK("lent", fcntl(near_end, F_SETFL, flags) == 0 && fcntl(near_end, F_GETFL) == flags);
    CHECK("lent", recv(near_end, text, 1, 0) == -1 && errno == EAGAIN); // off a fiber it does not wait: the lender needs it
    CHECK("lent", fcntl(near_end, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(near_end, F_GETFL) == (flags | O_NONBLOCK));
    begin_read(s);
    scheduler_wait(s);
    CHECK("lent", reader.result == -1 && reader.error == EAGAIN); // its own
    CHECK("lent", ioctl(near_end, FIONBIO, &off) == 0 && fcntl(near_end, F_GETFL) == flags);
    CHECK("lent", ioctl(near_end, FIONBIO, &on) == 0 && fcntl(near_end, F_GETFL) == (flags | O_NONBLOCK));
    atomic_store(&table[near_end].lent, 1u << 16 | ((file - 1) & 0xffff)); // of an earlier file of that number
    CHECK("lent", fcntl(near_end, F_SETFL, flags) == 0 && fcntl(near_end, F_GETFL) == flags);
    read_three(s);
    disconnect_both();
}

enum { MUCH = 1 << 20 };
static int file;
static _Atomic bool sending;
static _Atomic uint32_t sent;

static void *drain(void *unused)
{
    (void)unused;
    static char data[1 << 16];
    while (recv(far_end, data, sizeof data, 0) > 0) {
    }
    return NULL;
}

static void send_files(void *unused)
{
    (void)unused;
    while (atomic_load(&sending)) {
        off_t offset = 0;
        ssize_t count = sendfile(near_end, file, &offset, MUCH);
        REQUIRE("sendfile", count > 0 || errno == EAGAIN);
        atomic_fetch_add(&sent, 1);
        vthread_yield();
    }
}

static void send_one_file(void *unused)
{
    (void)unused;
    off_t offset = 0;
    CHECK("sendfile", sendfile(near_end, file, &offset, MUCH) == MUCH);
}

// It changes from one call to the next whether the file waits; and two fibers have it not waiting at a time.
static void changed_while_lent(void)
{
    scheduler *s = scheduler_start(2);
    pthread_t drainer;
    connect_both();
    file = (int)syscall(SYS_memfd_create, "much", 0);
    REQUIRE("sendfile", file >= 0 && ftruncate(file, MUCH) == 0);
    REQUIRE("sendfile", pthread_create(&drainer, NULL, drain, NULL) == 0);
    atomic_store(&sending, true);
    scheduler_spawn(s, send_files, NULL);
    int flags = fcntl(near_end, F_GETFL), wrong = 0;
    for (int i = 0; i < check_scaled(400); i++) {
        int wanted = i & 1 ? flags : flags | O_NONBLOCK;
        fcntl(near_end, F_SETFL, wanted);
        for (uint32_t before = atomic_load(&sent); atomic_load(&sent) < before + 2 && wrong == 0;) {
            wrong += fcntl(near_end, F_GETFL) != wanted;
            sched_yield();
        }
    }
    CHECK("sendfile", wrong == 0);
    atomic_store(&sending, false);
    scheduler_wait(s);
    CHECK("sendfile", fcntl(near_end, F_SETFL, flags) == 0);
    for (int i = 0; i < check_scaled(64); i++)
        scheduler_spawn(s, send_one_file, NULL);
    scheduler_wait(s);
    CHECK("sendfile", fcntl(near_end, F_GETFL) == flags);
    close(near_end);
    pthread_join(drainer, NULL);
    close(far_end);
    close(file);
    scheduler_stop(s);
}

// A reset is an error; select tells who asks for what may be read, and lets who asks for the exceptional wait.
static struct timeval patience;
static int selected;

static void select_exceptional(void *unused)
{
    (void)unused;
    fd_set set;
    FD_ZERO(&set);
    FD_SET(near_end, &set);
    atomic_store(&reader.vthread, fibers_vthread_current());
    selected = select(near_end + 1, NULL, NULL, &set, &patience);
}

static void reset_while_selecting(scheduler *s)
{
    connect_both();
    reader = (struct reader){.result = -2};
    patience = (struct timeval){0, 50000};
    int64_t start = now_ns();
    scheduler_spawn(s, select_exceptional, NULL);
    await_parked();
    struct linger at_once = {1, 0};
    CHECK("select", setsockopt(far_end, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(far_end);
    scheduler_wait(s);
    CHECK("select", selected == 0 && now_ns() - start >= 50000000);
    close(near_end);
}

// Each with a time-out of its own, until there is none any more.
static void time_outs_come_and_go(scheduler *s)
{
    connect_both();
    for (int i = 0; i < 3; i++) {
        struct timeval late = {600 + i, 0}, none = {0, 0};
        CHECK("come and go", setsockopt(near_end, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late) == 0);
        for (int k = 0; k < 3; k++) {
            read_three(s);
            int64_t left = reader.deadline_ns - now_ns();
            CHECK("come and go", left > 500ll * 1000000000 && left <= (600ll + i) * 1000000000);
        }
        CHECK("come and go", setsockopt(near_end, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none) == 0);
        for (int k = 0; k < 3; k++) {
            read_three(s);
            CHECK("come and go", reader.deadline_ns == FIBERS_NO_DEADLINE);
        }
    }
    disconnect_both();
}

static void changed(scheduler *s, change *change)
{
    connect_and_remember(s);
    CHECK("change", !asks_first(s));
    change();
    for (int i = 0; i < 3; i++) { // the change may be remembered, too
        begin_read(s);
        scheduler_wait(s);
        CHECK("change", reader.result == -1 && reader.error == EAGAIN);
    }
    disconnect_both();
}

void topic_remembering(void)
{
    redirect_everything(ignore_suspension);
    scheduler *s = scheduler_start(1);
    spared(s);
    ends(s);
    same_number(s);
    change *changes[] = {by_fcntl, by_ioctl, by_another_number, by_a_third_number, by_time_out};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        changed(s, changes[i]);
    time_outs_come_and_go(s);
    low_water(s);
    no_stream(s);
    time_out_with_data(s);
    lent(s);
    reset_while_selecting(s);
    scheduler_stop(s);
    changed_while_lent();
}
