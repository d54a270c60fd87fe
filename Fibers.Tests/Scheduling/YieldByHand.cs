using Fibers.Scheduling;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

/// <summary>A fiber that gives way is in the queue before it has left: whoever takes it out too soon waits until it has.</summary>
public class YieldByHand
{
    [ThreadStatic]
    private static int t_own;

    [Fact]
    public void One_on_whose_stack_somebody_still_stands_is_not_run_however_early_it_is_found() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        Carrier carrier = runtime.Scheduler!.CarrierAt(0)!;
        using var found = new ManualResetEventSlim();
        int turns = 0;
        bool stop = false;
        Fiber early = runtime.Spawn(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                Interlocked.Increment(ref turns);
                Fiber.Yield();
            }
        });
        Fiber other = runtime.Spawn(() =>
        {
            while (Volatile.Read(ref turns) == 0)
                Fiber.Yield();
            SetOccupied(early, 1); // it waits in the queue, as if it had just put itself there on another carrier
            found.Set();
            Fiber.Yield();
        });

        found.Wait();
        Eventually.True(() => !carrier.InFiber, "the carrier has taken it out of the queue");
        int before = Volatile.Read(ref turns);
        Thread.Sleep(50);
        Volatile.Read(ref turns).ShouldBe(before);

        SetOccupied(early, 0);
        Eventually.True(() => Volatile.Read(ref turns) > before, "it runs");
        Volatile.Write(ref stop, true);
        early.Join();
        other.Join();
    });

    [Theory]
    [InlineData(2, 3)]
    [InlineData(4, 5)]
    [InlineData(4, 600)] // more than a queue holds
    public void Those_that_do_nothing_else_are_themselves_on_every_carrier(int carriers, int fibers) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers);
        bool stop = false;
        Fiber<long>[] all = [.. Enumerable.Range(1, fibers).Select(id => runtime.SpawnConcurrent(() => GiveWayUntil(ref stop, id)))];
        Stress.For(0.4, static () =>
        {
            GC.Collect(0);
            Thread.Sleep(1);
        });
        Volatile.Write(ref stop, true);
        foreach (Fiber<long> fiber in all)
            fiber.Join().ShouldBeGreaterThan(0);
        runtime.Statistics.Live.ShouldBe(0);
    });

    private static long GiveWayUntil(ref bool stop, int id)
    {
        Span<int> canary = stackalloc int[16];
        canary.Fill(id);
        t_own = id;
        Fiber self = Fiber.Current!;
        long turns = 0;
        do
        {
            Fiber.Yield();
            turns++;
            t_own.ShouldBe(id);
            Fiber.Current.ShouldBeSameAs(self);
            canary.IndexOfAnyExcept(id).ShouldBe(-1);
        }
        while (!Volatile.Read(ref stop));
        return turns;
    }

    private static unsafe void SetOccupied(Fiber fiber, uint value) => Volatile.Write(ref fiber.VirtualThread!.Native->Context.Occupied, value);
}
