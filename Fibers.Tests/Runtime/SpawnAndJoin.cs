using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

public class SpawnAndJoin
{
    [Fact]
    public void A_fiber_returns_its_value() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() => 42).ShouldBe(42);
        runtime.Backend.ShouldBe(FiberBackend.Native);
    });

    [Fact]
    public void What_a_runtime_has_done_is_the_same_after_its_end() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        runtime.Run(() =>
        {
            for (int i = 0; i < 1_000; i++)
                Fiber.Spawn(static () => { }).Join();
        });
        FiberStatistics before = runtime.Statistics;
        runtime.Dispose();
        runtime.Statistics.Switches.ShouldBe(before.Switches);
        runtime.Statistics.Spawned.ShouldBe(before.Spawned);
    });
}
