using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

/// <summary>Where nothing can be allocated asynchrony still works, inline, and concurrency is refused.</summary>
public class FailingBackendTests
{
    [Fact]
    public void Spawn_runs_inline_and_says_why() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = FiberRuntime.MakeFailing();
        Fiber<int> fiber = runtime.Spawn(() => 42);
        fiber.RanInline.ShouldBeTrue();
        fiber.Join().ShouldBe(42);
        runtime.Run(() => Fiber.All(() => 1, () => 2)).ShouldBe([1, 2]);
        runtime.Statistics.InlineForResources.ShouldBe(4);
        runtime.Statistics.InlineRuns.ShouldBe(4);
        runtime.Statistics.Live.ShouldBe(0);
    });

    [Fact]
    public void SpawnConcurrent_is_refused_and_leaves_nothing_behind() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = FiberRuntime.MakeFailing();
        bool ran = false;
        Should.Throw<ConcurrencyUnavailableException>(() => runtime.SpawnConcurrent(() => { ran = true; })).Message.ShouldContain("nothing can be allocated");
        ran.ShouldBeFalse();
        runtime.Statistics.Live.ShouldBe(0);
        runtime.Statistics.Spawned.ShouldBe(0);
    });
}
