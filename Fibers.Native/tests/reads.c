// Plain blocking calls on a fiber park it. One carrier: were one of them to block the kernel thread, nothing here would end.
#include "suspension.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { PAIRS = 10 };

static struct conversation {
    int ends[2];
    int rounds;
    bool use_pipe_calls;
    uint64_t sum;
    _Atomic uint32_t ended;
} conversations[PAIRS];

static void ask(void *argument)
{
    struct conversation *c = argument;
    for (uint32_t i = 0; i < (uint32_t)c->rounds; i++) {
        uint32_t answer = 0;
        if (write(c->ends[0], &i, sizeof i) != sizeof i)
            break;
        ssize_t got = c->use_pipe_calls ? read(c->ends[0], &answer, sizeof answer) : recv(c->ends[0], &answer, sizeof answer, MSG_WAITALL);
        if (got != sizeof answer)
            break;
        c->sum += answer;
    }
    close(c->ends[0]);
}

static void answer(void *argument)
{
    struct conversation *c = argument;
    uint32_t number;
    while (recv(c->ends[1], &number, sizeof number, 0) == sizeof number) {
        number *= 3;
        if (send(c->ends[1], &number, sizeof number, 0) != sizeof number)
            break;
    }
    close(c->ends[1]);
    atomic_store(&c->ended, 1);
}

static void conversations_end(scheduler *s)
{
    int rounds = check_scaled(2000);
    for (int i = 0; i < PAIRS; i++) {
        conversations[i] = (struct conversation){.rounds = rounds, .use_pipe_calls = i & 1};
        REQUIRE("read", socketpair(AF_UNIX, SOCK_STREAM, 0, conversations[i].ends) == 0);
        scheduler_spawn(s, answer, &conversations[i]);
        scheduler_spawn(s, ask, &conversations[i]);
    }
    scheduler_wait(s);
    for (int i = 0; i < PAIRS; i++) {
        CHECK("read", conversations[i].sum == 3ull * (uint64_t)rounds * (uint64_t)(rounds - 1) / 2);
        CHECK("read", atomic_load(&conversations[i].ended) == 1);
    }
}

// More than a socket buffer holds: the writer parks, and returns only when everything is written.
static int wide[2];
enum { WIDE = 4 << 20 };

static void write_much(void *unused)
{
    (void)unused;
    char *data = malloc(WIDE);
    for (int i = 0; i < WIDE; i++)
        data[i] = (char)(i * 7 >> 3);
    CHECK("write", write(wide[1], data, WIDE) == WIDE);
    close(wide[1]);
    free(data);
}

static void read_much(void *unused)
{
    (void)unused;
    char piece[5000];
    size_t total = 0;
    bool right = true;
    for (ssize_t got; (got = read(wide[0], piece, sizeof piece)) > 0; total += (size_t)got)
        for (ssize_t i = 0; i < got; i++)
            right &= piece[i] == (char)((int)(total + (size_t)i) * 7 >> 3);
    CHECK("write", total == WIDE && right);
    close(wide[0]);
}

static void the_rules_of_the_plain_call(void *unused)
{
    (void)unused;
    int pair[2], tube[2];
    char text[8];
    REQUIRE("read", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(tube) == 0);
    CHECK("MSG_DONTWAIT", recv(pair[0], text, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    CHECK("O_NONBLOCK", read(pair[0], text, 1) == -1 && errno == EAGAIN);
    fcntl(pair[0], F_SETFL, 0);
    struct timeval timeout = {0, 30000};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    int64_t start = now_ns();
    CHECK("SO_RCVTIMEO", recv(pair[0], text, 1, 0) == -1 && errno == EAGAIN);
    CHECK("SO_RCVTIMEO", now_ns() - start >= 30000000);
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0); // what is asked for out of order is answered at once
    struct iovec vector = {text, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    CHECK("MSG_ERRQUEUE", recv(datagrams, text, 1, MSG_ERRQUEUE) == -1 && errno == EAGAIN);
    CHECK("MSG_ERRQUEUE", recvmsg(datagrams, &message, MSG_ERRQUEUE) == -1 && errno == EAGAIN);
    CHECK("MSG_OOB", recv(pair[1], text, 1, MSG_OOB) == -1 && errno != EAGAIN);
    close(datagrams);
    CHECK("read", read(-1, text, 1) == -1 && errno == EBADF);
    CHECK("read", read(tube[0], NULL, 0) == 0 && read(pair[0], text, 0) == 0); // nothing to wait for

    struct pollfd both[2] = {{pair[0], POLLIN, 0}, {tube[0], POLLIN, 0}};
    start = now_ns();
    CHECK("poll", poll(both, 2, 20) == 0 && now_ns() - start >= 20000000);
    CHECK("poll", write(tube[1], "x", 1) == 1 && poll(both, 2, -1) == 1 && both[1].revents == POLLIN && both[0].revents == 0);
    start = now_ns();
    struct timespec pause = {0, 20000000};
    CHECK("nanosleep", nanosleep(&pause, NULL) == 0 && now_ns() - start >= 20000000);
    CHECK("read", read(tube[0], text, sizeof text) == 1 && text[0] == 'x');
    close(tube[1]);
    CHECK("read", read(tube[0], text, sizeof text) == 0); // end of file
    fibers_vthread *self = fibers_vthread_current();
    atomic_fetch_or(&self->cancel_word, FIBERS_CANCEL_PENDING);
    CHECK("cancel", read(pair[1], text, 1) == -1 && errno == ECANCELED);
    CHECK("cancel", atomic_load(&self->cancel_word) == FIBERS_CANCEL_DELIVERED);
    atomic_store(&self->cancel_word, 0);
    close(tube[0]);
    close(pair[0]);
    close(pair[1]);
}

// ---- times that do not fit into nanoseconds, and times that are none ------------------------------------------------------

static void write_byte(void *argument)
{
    CHECK("long", write(*(int *)argument, "x", 1) == 1);
}

static void wait_long(void *argument)
{
    int pair[2];
    char text[8];
    REQUIRE("long", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pair[0], &set);
    struct timeval longest = {LONG_MAX, 999999};
    scheduler_spawn(argument, write_byte, &pair[1]); // it runs when this one has parked
    CHECK("long", select(pair[0] + 1, &set, NULL, NULL, &longest) == 1 && longest.tv_sec > LONG_MAX - 1000);
    CHECK("long", recv(pair[0], text, sizeof text, MSG_DONTWAIT) == 1);

    struct pollfd entry = {pair[0], POLLIN, 0};
    scheduler_spawn(argument, write_byte, &pair[1]);
    CHECK("long", ppoll(&entry, 1, &(struct timespec){LONG_MAX, 999999999}, NULL) == 1);
    CHECK("long", recv(pair[0], text, sizeof text, MSG_DONTWAIT) == 1);

    struct timeval patience = {10000000000000, 0};
    CHECK("long", setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    scheduler_spawn(argument, write_byte, &pair[1]);
    CHECK("long", recv(pair[0], text, sizeof text, 0) == 1);

    CHECK("negative", select(0, NULL, NULL, NULL, &(struct timeval){-1, 0}) == -1 && errno == EINVAL);
    CHECK("negative", select(0, NULL, NULL, NULL, &(struct timeval){0, -1}) == -1 && errno == EINVAL);
    CHECK("negative", ppoll(NULL, 0, &(struct timespec){-1, 0}, NULL) == -1 && errno == EINVAL);
    CHECK("negative", ppoll(NULL, 0, &(struct timespec){0, 1000000000}, NULL) == -1 && errno == EINVAL);
    struct timeval little = {0, 20000}, many = {0, 1020000};
    int64_t start = now_ns();
    CHECK("long", select(0, NULL, NULL, NULL, &little) == 0 && now_ns() - start >= 20000000 && little.tv_usec == 0);
    scheduler_spawn(argument, write_byte, &pair[1]);
    FD_SET(pair[0], &set);
    CHECK("long", select(pair[0] + 1, &set, NULL, NULL, &many) == 1 && many.tv_usec < 1000000); // more than a second's
    close(pair[0]);
    close(pair[1]);
}

// ---- signals while somebody looks whether a call would block -------------------------------------------------------------

static int listener;
static fibers_vthread *_Atomic doorman;
static _Atomic int carrier_tid;

static void do_nothing(int signal)
{
    (void)signal;
}

static void let_one_in(void *unused)
{
    (void)unused;
    atomic_store(&carrier_tid, fibers_vthread_current()->carrier->kernel_tid);
    atomic_store(&doorman, fibers_vthread_current());
    int stranger = accept(listener, NULL, NULL);
    CHECK("signals", stranger >= 0 && close(stranger) == 0);
}

static uint64_t await_doorman(void)
{
    for (int64_t limit = now_ns() + 20000000000;;) {
        fibers_vthread *vthread = atomic_load(&doorman);
        uint64_t word = vthread != NULL ? atomic_load(&vthread->park_word) : 0;
        if (FIBERS_PARK_STATE(word) == FIBERS_PARKED)
            return FIBERS_PARK_NUMBER(word);
        REQUIRE("signals", now_ns() < limit); // or else it stands in the kernel
    }
}

// Sent to look again and again, with signals all the while: an accept that took one for somebody at the door would keep the carrier waiting.
static void nobody_is_at_the_door(scheduler *s)
{
    struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in door = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof door;
    REQUIRE("signals", bind(listener, (struct sockaddr *)&door, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&door, &size) == 0);
    scheduler_spawn(s, let_one_in, NULL);
    for (int i = 0; i < check_scaled(20000); i++) {
        uint64_t number = await_doorman();
        park_wake(atomic_load(&doorman), number, FIBERS_WAKE_READY);
        for (int k = 0; k < 5; k++)
            syscall(SYS_tgkill, getpid(), atomic_load(&carrier_tid), SIGUSR1);
    }
    await_doorman();
    int stranger = socket(AF_INET, SOCK_STREAM, 0);
    CHECK("signals", connect(stranger, (struct sockaddr *)&door, sizeof door) == 0);
    scheduler_wait(s);
    close(stranger);
    close(listener);
}

void topic_reads(void)
{
    redirect_everything(ignore_suspension);
    scheduler *s = scheduler_start(1);
    conversations_end(s);
    fibers_fault_set(FIBERS_FAULT_WOULD_BLOCK, 50, 200); // pretends not to be ready: parks, is woken, tries again
    conversations_end(s);
    REQUIRE("write", socketpair(AF_UNIX, SOCK_STREAM, 0, wide) == 0);
    scheduler_spawn(s, read_much, NULL);
    scheduler_spawn(s, write_much, NULL);
    scheduler_wait(s);
    REQUIRE("write", pipe(wide) == 0);
    scheduler_spawn(s, write_much, NULL);
    scheduler_spawn(s, read_much, NULL);
    scheduler_wait(s);
    scheduler_spawn(s, the_rules_of_the_plain_call, NULL);
    scheduler_wait(s);
    scheduler_spawn(s, wait_long, s);
    scheduler_wait(s);
    nobody_is_at_the_door(s);
    scheduler_stop(s);
    s = scheduler_start(3);
    conversations_end(s);
    scheduler_stop(s);
}
