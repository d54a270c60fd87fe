using Fibers.Scheduling;
using Fibers.Tests.Support;
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

    private static bool NobodyIsInAFiber(FiberRuntime runtime)
    {
        foreach (Carrier? carrier in runtime.Scheduler!.AllCarriers)
            if (carrier is not null && carrier.InFiber)
                return false;
        return true;
    }
}
