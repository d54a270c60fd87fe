// A wait costs three questions to the kernel that nearly always have the answer they had last time: is there data, may
// the call block, and for how long? A server with many connections notices (`http-1000` in
// Fibers.Benchmarks). So the answers are remembered, for TCP connections.
//
// May it block, and for how long?    `manners`: generation, count of changes, answer, in one word; `time_outs`. Who may have changed the
//     answer counts `options` up after the change; who learns it reads the count before asking. So an answer that was true
//     before a change never carries the count after it. (The next file of the number has another generation.) Files with two numbers in this
//     process, and the standard ones, which other processes share, are asked each time. What another process changes is not seen.
// Is there data?                     `emptied`: generation and count of edges, in one word, when a read took less than it asked
//     for. What comes later makes an edge (not below SO_RCVLOWAT: who sets that is asked each time), so there is nothing until a poller reports
//     one. Two things keep it true:
//   - A poller counts `edges` before it wakes anybody, and a fiber that is to wait says how many there had been when it looked, or need not look
//     (DescriptorTable.cs).
//   - A read also stops short of what is no data: the end of the stream, an error, the place of urgent data. If that came with the edge that was
//     reported last, there is no other; so from the first such report (`ending`) on every call is tried. So it is when urgent data is taken by
//     itself, perhaps before a poller could report it.
// The idea that a short read was the last one is from mio and tokio, which make an exception of streams that are known to have ended.
#include "descriptor_memory.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANNERS_BITS 2
// `lent`: until which generation (closes under way are of earlier files, and still change it), how many fibers have it not waiting just now, and whether it would not wait of its own meanwhile. Locked for
// the few system calls that go with a change; nobody parks with it.
#define LENT_LOCKED (1u << 31)
#define LENT_OWN (1u << 30)
#define LENT_ONE (1u << 16)
#define LENT_COUNT (LENT_OWN - LENT_ONE)
#define LENT_LOAN (LENT_ONE - 1)
#define CHANGES_MASK (UINT32_MAX >> MANNERS_BITS)

static pthread_mutex_t learning = PTHREAD_MUTEX_INITIALIZER; // two words are written, and only what is not out of date

static uint64_t pack(uint32_t generation, uint32_t options, manners answer)
{
    return (uint64_t)generation << 32 | (options & CHANGES_MASK) << MANNERS_BITS | (uint32_t)answer;
}

manners descriptor_manners(int descriptor, uint32_t generation, time_outs *limits)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return MANNERS_OTHER;
    uint64_t known = atomic_load_explicit(&entry->manners, memory_order_acquire);
    uint64_t both = atomic_load_explicit(&entry->time_outs, memory_order_acquire); // later ones would come with a later count
    *limits = (time_outs){(uint32_t)both, (uint32_t)(both >> 32)};
    manners answer = (manners)(known & ((1u << MANNERS_BITS) - 1));
    return known == pack(generation, atomic_load_explicit(&entry->options, memory_order_acquire), answer) ? answer : MANNERS_UNKNOWN;
}

// False: longer than can be remembered.
static bool ask_time_out(int descriptor, int option, uint32_t *microseconds)
{
    struct timeval value = {0, 0};
    socklen_t size = sizeof value;
    if (getsockopt(descriptor, SOL_SOCKET, option, &value, &size) != 0 || value.tv_sec > UINT32_MAX / 1000000 - 1)
        return false;
    *microseconds = (uint32_t)value.tv_sec * 1000000 + (uint32_t)value.tv_usec;
    return true;
}

static bool is_tcp(int descriptor)
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0 || protocol != IPPROTO_TCP)
        return false;
    char layer[16]; // above it: TLS in the kernel reads record by record
    size = sizeof layer;
    return getsockopt(descriptor, IPPROTO_TCP, TCP_ULP, layer, &size) == 0 && size == 0; // a raw socket of that protocol has none to ask for
}

static bool wakes_for_every_byte(int descriptor)
{
    int low = 0;
    socklen_t size = sizeof low;
    return getsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &low, &size) == 0 && low <= 1;
}

// `shared` is the first generation for which that is over: after the closes under way, which are of earlier files, and after its own.
static bool is_shared(fibers_descriptor *entry, uint32_t generation)
{
    uint32_t left = atomic_load(&entry->shared) - generation;
    return left > 0 && left <= (FIBERS_CLOSES_UNDER_WAY + 1) * (FIBERS_CLOSES_UNDER_WAY + 1);
}

void descriptor_learn_manners(int descriptor, uint32_t generation, uint32_t options)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return;
    int error = errno;
    time_outs limits = {0, 0};
    bool own = descriptor > STDERR_FILENO && !is_shared(entry, generation);
    bool tcp = own && is_tcp(descriptor) && wakes_for_every_byte(descriptor) && ask_time_out(descriptor, SO_RCVTIMEO, &limits.receive_us) && ask_time_out(descriptor, SO_SNDTIMEO, &limits.send_us);
    pthread_mutex_lock(&learning);
    if (atomic_load(&entry->options) == options && atomic_load(&entry->generation) == generation) {
        atomic_store_explicit(&entry->time_outs, (uint64_t)limits.send_us << 32 | limits.receive_us, memory_order_release);
        atomic_store_explicit(&entry->manners, pack(generation, options, tcp ? MANNERS_TCP : MANNERS_OTHER), memory_order_release);
    }
    pthread_mutex_unlock(&learning);
    errno = error;
}

uint32_t descriptor_options(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    return entry != NULL ? atomic_load(&entry->options) : 0;
}

void descriptor_options_changed(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry != NULL)
        atomic_fetch_add(&entry->options, 1);
}

static void mark_shared(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return;
    uint32_t generation = atomic_load(&entry->generation), closes = generation & FIBERS_CLOSES_UNDER_WAY;
    atomic_store(&entry->shared, generation - closes + (closes + 1) * (FIBERS_CLOSES_UNDER_WAY + 1));
    atomic_fetch_add(&entry->options, 1); // what was learnt before no longer counts
}

void descriptor_is_shared(int descriptor, int other)
{
    if (other < 0 || other == descriptor)
        return;
    mark_shared(descriptor);
    mark_shared(other);
}

static uint32_t loan_of(uint32_t generation)
{
    return (generation / (FIBERS_CLOSES_UNDER_WAY + 1)) & LENT_LOAN;
}

// When every close that is under way will have ended. From one reading: one may end between two.
static uint32_t loan_to_be(uint32_t generation)
{
    return (loan_of(generation) + (generation & FIBERS_CLOSES_UNDER_WAY)) & LENT_LOAN;
}

// With LENT_LOCKED set. What was lent of an earlier file of the number no longer counts.
static uint32_t lock_lent(fibers_descriptor *entry)
{
    uint32_t word;
    while ((word = atomic_fetch_or(&entry->lent, LENT_LOCKED)) & LENT_LOCKED) {
        if (fibers_descriptors_of_parent())
            break; // who has it is not in this process
        sched_yield();
    }
    uint32_t left = (word - loan_of(atomic_load(&entry->generation))) & LENT_LOAN;
    return left <= FIBERS_CLOSES_UNDER_WAY ? word & ~LENT_LOCKED : 0;
}

static void unlock_lent(fibers_descriptor *entry, uint32_t word)
{
    atomic_store(&entry->lent, word);
}

static bool is_lent(uint32_t word)
{
    return (word & LENT_COUNT) != 0;
}

int descriptor_get_flags(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return fcntl(descriptor, F_GETFL);
    uint32_t word = lock_lent(entry);
    int flags = fcntl(descriptor, F_GETFL);
    unlock_lent(entry, word);
    return flags >= 0 && is_lent(word) && !(word & LENT_OWN) ? flags & ~O_NONBLOCK : flags;
}

int descriptor_set_flags(int descriptor, int flags)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return fcntl(descriptor, F_SETFL, flags);
    uint32_t word = lock_lent(entry);
    int result = fcntl(descriptor, F_SETFL, is_lent(word) ? flags | O_NONBLOCK : flags);
    if (result == 0 && is_lent(word))
        word = flags & O_NONBLOCK ? word | LENT_OWN : word & ~LENT_OWN;
    unlock_lent(entry, word);
    return result;
}

int descriptor_set_never_waiting(int descriptor, const int *on)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return ioctl(descriptor, FIONBIO, on);
    uint32_t word = lock_lent(entry);
    int result = 0;
    if (!is_lent(word))
        result = ioctl(descriptor, FIONBIO, on);
    else
        word = *on != 0 ? word | LENT_OWN : word & ~LENT_OWN;
    unlock_lent(entry, word);
    return result;
}

int descriptor_never_waits(int descriptor)
{
    int flags = descriptor_get_flags(descriptor);
    return flags < 0 ? -1 : (flags & O_NONBLOCK) != 0;
}

// Of the flags this changes none but that one.
int descriptor_lend_never_waiting(int descriptor, uint32_t *loan)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return 1;
    uint32_t word = lock_lent(entry);
    int on = 1, flags = is_lent(word) ? 0 : fcntl(descriptor, F_GETFL);
    int result = flags < 0 ? -1 : (flags & O_NONBLOCK) || (word & LENT_OWN);
    if (result == 0 && !is_lent(word) && ioctl(descriptor, FIONBIO, &on) != 0)
        result = -1;
    if (result == 0)
        word = is_lent(word) ? word + LENT_ONE : LENT_ONE | loan_to_be(atomic_load(&entry->generation));
    *loan = word & LENT_LOAN;
    unlock_lent(entry, word);
    return result;
}

void descriptor_take_back(int descriptor, uint32_t loan)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    int error = errno, off = 0;
    uint32_t word = lock_lent(entry);
    if ((word & LENT_LOAN) == loan && is_lent(word)) { // else the file has been closed meanwhile
        word -= LENT_ONE;
        if (!is_lent(word)) {
            if (!(word & LENT_OWN))
                ioctl(descriptor, FIONBIO, &off);
            word &= ~LENT_OWN;
        }
    }
    unlock_lent(entry, word);
    errno = error;
}

uint32_t descriptor_edges(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    return entry != NULL ? atomic_load_explicit(&entry->edges, memory_order_acquire) : 0;
}

void descriptor_was_emptied(int descriptor, uint32_t generation, uint32_t edges)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry != NULL)
        atomic_store_explicit(&entry->emptied, (uint64_t)generation << 32 | edges, memory_order_release);
}

void descriptor_loses_urgent_data(int descriptor)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return;
    atomic_store(&entry->ending, (atomic_load(&entry->generation) & ~FIBERS_CLOSES_UNDER_WAY) + 1);
}

bool descriptor_is_ending(int descriptor, uint32_t generation)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    return entry == NULL || atomic_load_explicit(&entry->ending, memory_order_relaxed) == generation + 1;
}

bool descriptor_is_empty(int descriptor, uint32_t generation, uint32_t *edges)
{
    fibers_descriptor *entry = fibers_descriptor_entry(descriptor);
    if (entry == NULL)
        return false;
    *edges = atomic_load_explicit(&entry->edges, memory_order_acquire); // pairs with the poller's count, which comes after `ending`
    return *edges != 0 && atomic_load_explicit(&entry->emptied, memory_order_acquire) == ((uint64_t)generation << 32 | *edges) &&
           atomic_load_explicit(&entry->ending, memory_order_relaxed) != generation + 1 && descriptor_manners(descriptor, generation, &(time_outs){0}) == MANNERS_TCP;
}
