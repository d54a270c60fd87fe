// The raw switch of others, there and back, for the benchmark switch-raw: context-twin boost|boost-and-thread-pointer|ucontext ROUNDS
// The second adds to Boost's switch the one instruction it does not need and ours does: what remains between the two is our own.
#include <boost/context/detail/fcontext.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/auxv.h>
#endif
#include <ucontext.h>

namespace ctx = boost::context::detail;

static char stack[256 * 1024];
static ucontext_t here, there;

static void boost_entry(ctx::transfer_t from)
{
    for (;;)
        from = ctx::jump_fcontext(from.fctx, nullptr);
}

#if defined(__x86_64__)
static bool may_write_thread_pointer()
{
    return (getauxval(AT_HWCAP2) & 2) != 0; // HWCAP2_FSGSBASE
}

static unsigned long long thread_pointer;

__attribute__((target("fsgsbase"))) static void learn_thread_pointer()
{
    thread_pointer = _readfsbase_u64();
}

// The same value each time: both sides of this loop are one thread, and the price is that of the writing.
__attribute__((target("fsgsbase"))) static ctx::transfer_t jump_with_thread_pointer(ctx::fcontext_t to)
{
    ctx::transfer_t from = ctx::jump_fcontext(to, nullptr);
    _writefsbase_u64(thread_pointer);
    return from;
}
#else
static bool may_write_thread_pointer()
{
    return false; // elsewhere it is a register like any other
}

static void learn_thread_pointer()
{
}

static ctx::transfer_t jump_with_thread_pointer(ctx::fcontext_t to)
{
    return ctx::jump_fcontext(to, nullptr);
}
#endif

static void boost_and_thread_pointer_entry(ctx::transfer_t from)
{
    for (;;)
        from = jump_with_thread_pointer(from.fctx);
}

static void ucontext_entry()
{
    for (;;)
        swapcontext(&there, &here);
}

template <typename Switch> static double nanoseconds_per(long rounds, Switch there_and_back)
{
    auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < rounds; i++)
        there_and_back();
    std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
    return elapsed.count() / static_cast<double>(rounds);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    long rounds = std::atol(argv[2]);
    if (std::strcmp(argv[1], "boost") == 0) {
        ctx::transfer_t other = {ctx::make_fcontext(stack + sizeof stack, sizeof stack, boost_entry), nullptr};
        std::printf("%.3f\n", nanoseconds_per(rounds, [&] { other = ctx::jump_fcontext(other.fctx, nullptr); }));
        return 0;
    }
    if (std::strcmp(argv[1], "boost-and-thread-pointer") == 0) {
        if (!may_write_thread_pointer())
            return 69;
        learn_thread_pointer();
        ctx::transfer_t other = {ctx::make_fcontext(stack + sizeof stack, sizeof stack, boost_and_thread_pointer_entry), nullptr};
        std::printf("%.3f\n", nanoseconds_per(rounds, [&] { other = jump_with_thread_pointer(other.fctx); }));
        return 0;
    }
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    makecontext(&there, ucontext_entry, 0);
    std::printf("%.3f\n", nanoseconds_per(rounds, [] { swapcontext(&here, &there); }));
    return 0;
}
