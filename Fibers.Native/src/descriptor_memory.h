// What is remembered of a descriptor, so that the kernel need not be asked again before every wait.
#ifndef FIBERS_DESCRIPTOR_MEMORY_H
#define FIBERS_DESCRIPTOR_MEMORY_H

#include "internal.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

// How calls on the file of that generation wait.
typedef enum manners {
    MANNERS_UNKNOWN = 0,
    MANNERS_TCP = 1,   // a TCP connection: they block, and one that reads less than it asked for has taken all
    MANNERS_OTHER = 2, // ask each time
} manners;

typedef struct time_outs {
    uint32_t receive_us, send_us; // 0: none
} time_outs;

// *limits: for MANNERS_TCP.
manners descriptor_manners(int descriptor, uint32_t generation, time_outs *limits);
// A call is about to wait that was found to block. `options`: descriptor_options before that was found.
void descriptor_learn_manners(int descriptor, uint32_t generation, uint32_t options);
uint32_t descriptor_options(int descriptor);
// Something was done that may have changed its manners.
void descriptor_options_changed(int descriptor);
// Two numbers for one file: what is done to one changes the other. `other` may be an error.
void descriptor_is_shared(int descriptor, int other);

// Whether calls on it never wait: 1, 0, or -1 (EBADF). What the shim lends does not count.
int descriptor_never_waits(int descriptor);
// Fiber only. For calls that cannot be told not to wait: the file is, until it is taken back. 0: done. Else as above: it does not wait, or is none.
int descriptor_lend_never_waiting(int descriptor, uint32_t *loan);
void descriptor_take_back(int descriptor, uint32_t loan); // keeps errno
// The plain calls: F_GETFL, F_SETFL and FIONBIO. Of what is lent just now they see nothing, and what they set lasts.
int descriptor_get_flags(int descriptor);
int descriptor_set_flags(int descriptor, int flags);
int descriptor_set_never_waiting(int descriptor, const int *on);

// Edges that pollers have reported of it.
uint32_t descriptor_edges(int descriptor);
// A read that began after `edges` took all there was.
void descriptor_was_emptied(int descriptor, uint32_t generation, uint32_t edges);
// Somebody takes urgent data by itself: reads will stop where it was, though nobody is told of it.
void descriptor_loses_urgent_data(int descriptor);
// A poller has reported more than data of it.
bool descriptor_is_ending(int descriptor, uint32_t generation);
// True: nothing can be there, unless another edge than the first `edges` comes.
bool descriptor_is_empty(int descriptor, uint32_t generation, uint32_t *edges);

#endif
