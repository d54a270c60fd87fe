using Fibers.Scheduling;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>
/// Every carrier is held on its way back into managed code, as it is while it must wait there for a collection or a lock of the runtime, until a
/// parked fiber that has been woken meanwhile runs. No carrier can run it: without the rescue carrier nobody would ever move again.
/// </summary>
public class Rescue
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_fiber_that_stuck_carriers_wait_for_runs_on_the_rescue_carrier(int carriers) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers);
        using var needed = new ManualResetEvent(false);
        bool ran = false;
        Fiber awaited = runtime.SpawnConcurrent(() =>
        {
            needed.WaitOne();
            ran = true;
        });
        Eventually.True(() => FiberState.IsParked(awaited), "the fiber is parked in the runtime");
        Eventually.True(() => runtime.Scheduler!.AllIdle, "the carriers are idle");
        runtime.Statistics.Rescued.ShouldBe(0);

        Fiber[] stuck;
        using (Faults.Always(Faults.Stuck))
        {
            int entered = 0;
            stuck = [.. Enumerable.Range(0, carriers).Select(_ => runtime.Spawn(() =>
            {
                Interlocked.Increment(ref entered);
                // Each on a carrier of its own: none leaves before all are there.
                SpinWait.SpinUntil(() => Volatile.Read(ref entered) == carriers);
            }))];
            Eventually.True(() => Volatile.Read(ref entered) == carriers && NobodyIsInAFiber(runtime), "every carrier is stuck");
            needed.Set();
            Eventually.True(() => Volatile.Read(ref ran), "the fiber they wait for has run");
        }

        foreach (Fiber fiber in stuck)
            fiber.Join();
        awaited.Join();
        runtime.Statistics.Rescued.ShouldBeGreaterThan(0);
        runtime.Run(static () => 7).ShouldBe(7, "all is as before");
    });

    // A thread holds the collection up until a parked fiber has run. That fiber is woken by native code, but whoever of the carriers comes to run
    // it must wait on its way into managed code: for the very collection.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_fiber_that_a_collection_needs_runs_while_every_carrier_waits_for_the_collection(int carriers) => Bounded.Run(() =>
    {
        const int patience = 20; // seconds; so that a failure is no deadlock of the whole process
        using var paths = new FilePaths(uring: true);
        using FiberRuntime runtime = Runtimes.Native(carriers);
        NativeFifo fifo = new(paths.File(0));
        Fiber<int> needed = runtime.SpawnConcurrent(fifo.OpenAndSay);
        Eventually.True(() => FiberState.IsParked(needed) && runtime.Scheduler!.AllIdle, "the fiber is parked, the carriers are idle");
        runtime.Statistics.Rescued.ShouldBe(0);

        int held = -1;
        var holder = new Thread(() => held = fifo.HoldUpCollection(patience)) { IsBackground = true };
        holder.Start();
        while (holder.IsAlive)
            GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        held.ShouldBe(0, "the fiber ran during the collection");
        needed.Join().ShouldBe(0);
        runtime.Statistics.Rescued.ShouldBeGreaterThan(0);
        runtime.Run(static () => 7).ShouldBe(7, "all is as before");
    });

    private static bool NobodyIsInAFiber(FiberRuntime runtime)
    {
        foreach (Carrier? carrier in runtime.Scheduler!.AllCarriers)
            if (carrier is not null && carrier.InFiber)
                return false;
        return true;
    }
}
