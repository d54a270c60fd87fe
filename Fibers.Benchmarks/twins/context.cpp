// The raw switch of others, there and back, for the benchmark switch-raw: context-twin boost|ucontext ROUNDS
#include <boost/context/detail/fcontext.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

namespace ctx = boost::context::detail;

static char stack[256 * 1024];
static ucontext_t here, there;

static void boost_entry(ctx::transfer_t from)
{
    for (;;)
        from = ctx::jump_fcontext(from.fctx, nullptr);
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
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    makecontext(&there, ucontext_entry, 0);
    std::printf("%.3f\n", nanoseconds_per(rounds, [] { swapcontext(&here, &there); }));
    return 0;
}
