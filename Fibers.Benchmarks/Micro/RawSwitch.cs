using Fibers.Benchmarks.Harness;
using Fibers.Native;

namespace Fibers.Benchmarks.Micro;

/// <summary>The bare switch in C: registers, stack pointer and thread pointer, there and back. No runtime in sight.</summary>
internal sealed class RawSwitch : Question
{
    public override string Name => "switch-raw";
    public override string Asks => "Switch there and back, in C";
    public override string Unit => "ns";

    public override Contest Prepare(Effort effort)
    {
        _ = Runtimes.With(1); // starts the shim
        int times = effort.Times(5_000_000);
        return new Contest([
            new Contender("fibers", () => Shim.fibers_context_benchmark(times)),
            .. ContextTwin.Contender("Boost.Context", "boost", times),
            .. ContextTwin.Contender("Boost.Context, and the thread pointer written", "boost-and-thread-pointer", times),
            .. ContextTwin.Contender("ucontext", "ucontext", times / 4),
        ]);
    }
}
