using Fibers.Native;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>What nobody can redirect, on every carrier at once: the watchdog keeps the others running.</summary>
public class UnredirectedBlocking
{
    private const int Carriers = 2;
    private const long Slice = 50_000_000;

    [Fact]
    public void Others_run_while_every_carrier_is_blocked_in_the_kernel() => Bounded.Run(static () =>
    {
        using FiberRuntime runtime = Runtimes.Native(Carriers);
        int release = 0;
        RunBeside(runtime, () =>
        {
            while (Volatile.Read(ref release) == 0)
                Shim.fibers_block_kernel_thread(Slice);
        }, () => Volatile.Write(ref release, 1));
    });

    [Fact]
    public void Others_run_while_every_carrier_computes() => Bounded.Run(static () =>
    {
        using FiberRuntime runtime = Runtimes.Native(Carriers);
        int release = 0;
        RunBeside(runtime, () =>
        {
            while (Volatile.Read(ref release) == 0)
                ;
        }, () => Volatile.Write(ref release, 1));
    });

    // The occupiers end only when the others are done: so if these had to wait for them, nobody would ever end.
    private static void RunBeside(FiberRuntime runtime, Action occupy, Action release)
    {
        int occupied = 0;
        Fiber[] occupiers = [.. Enumerable.Range(0, Carriers).Select(_ => runtime.SpawnConcurrent(() =>
        {
            Interlocked.Increment(ref occupied);
            occupy();
        }))];
        Eventually.True(() => Volatile.Read(ref occupied) == Carriers, "every carrier is occupied");
        using var pair = new Unmodified.LoopbackPair();
        var gate = new ManualResetEventSlim();
        Fiber<int> reader = runtime.SpawnConcurrent(() => pair.Near.Receive(new byte[8]));
        Fiber waiter = runtime.SpawnConcurrent(gate.Wait);
        Fiber waker = runtime.SpawnConcurrent(() =>
        {
            Thread.Sleep(1);
            pair.Far.Send([1, 2, 3]);
            gate.Set();
        });
        waker.Join();
        waiter.Join();
        reader.Join().ShouldBe(3);
        runtime.Statistics.SparesStarted.ShouldBeGreaterThan(0);
        release();
        foreach (Fiber occupier in occupiers)
            occupier.Join();
        Eventually.True(() => runtime.Statistics.Carriers == Carriers, "the spare carriers have retired");
    }
}
