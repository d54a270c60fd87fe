using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

public sealed class InlineBackendTests() : BackendContract(FiberBackend.Inline, carriers: 1)
{
    protected override bool HasConcurrency => false;

    [Fact]
    public void SpawnConcurrent_throws() => OnARuntime(runtime =>
    {
        Should.Throw<ConcurrencyUnavailableException>(() => runtime.SpawnConcurrent(() => { })).Message.ShouldContain("Inline");
        runtime.Statistics.Spawned.ShouldBe(0);
    });

    [Fact]
    public void Bodies_run_on_the_caller_in_the_order_of_their_spawns() => OnARuntime(runtime =>
    {
        var order = new List<(int, Thread)>();
        foreach (int i in Enumerable.Range(0, 5))
            runtime.Spawn(() => order.Add((i, Thread.CurrentThread)));
        order.ShouldBe(Enumerable.Range(0, 5).Select(static i => (i, Thread.CurrentThread)));
    });
}
