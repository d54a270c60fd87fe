using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>What code that is not on a fiber pays for the redirections: the same plain calls in a process that has them and in one that has not, in turn.</summary>
internal sealed class Passthrough : Question
{
    public override string Name => "passthrough";
    public override string Asks => "Plain blocking calls not on a fiber (socket, pipe and file, in and out)";
    public override string Unit => "ns per call";

    public override Contest Prepare(Effort effort)
    {
        int calls = effort.Times(30_000);
        var with = new PlainCallsProcess(redirected: true);
        var without = new PlainCallsProcess(redirected: false);
        return new Contest([
            new Contender("redirections installed, no fiber", () => with.Measure(calls)),
            new Contender("no redirections", () => without.Measure(calls)),
        ], with, without);
    }
}
