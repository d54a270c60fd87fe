// Walking a stack by its frame records. The runtime keeps frame pointers, and so does the shim.
#ifndef FIBERS_FRAMES_H
#define FIBERS_FRAMES_H

#include "internal.h"

#define OWN_FRAME ((void **)__builtin_frame_address(0))

// Where pointer authentication is on, a saved return address is signed for its place on its own stack: without the signature it
// compares equal on all of them.
static inline void *unsigned_address(void *address)
{
#if defined(__aarch64__)
    register void *link __asm__("x30") = address;
    __asm__("hint #7" : "+r"(link)); // xpaclri: does nothing on older processors
    return link;
#else
    return address;
#endif
}

static inline void *return_address_of(void **frame)
{
#if defined(__riscv)
    return unsigned_address(frame[-1]);
#else
    return unsigned_address(frame[1]);
#endif
}

// The next frame outwards, or NULL: each step must go outwards and stay near; anything else ends the walk.
static inline void **caller_frame(void **frame)
{
#if defined(__riscv)
    void **next = (void **)frame[-2];
#else
    void **next = (void **)frame[0];
#endif
    return next <= frame || (char *)next - (char *)frame > 65536 || ((uintptr_t)next & 7) != 0 ? NULL : next;
}

#endif
