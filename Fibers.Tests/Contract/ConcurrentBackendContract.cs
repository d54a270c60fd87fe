using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

/// <summary>What the backends that have concurrency add.</summary>
public abstract class ConcurrentBackendContract(FiberBackend backend) : BackendContract(backend)
{
    protected sealed override bool IsConcurrent => true;

    [Fact]
    public void SpawnConcurrent_makes_progress_beside_its_caller() => OnARuntime(runtime =>
    {
        using var there = new SemaphoreSlim(0);
        using var back = new SemaphoreSlim(0);
        Fiber fiber = runtime.SpawnConcurrent(() =>
        {
            there.Release();
            back.Wait();
        });
        there.Wait(); // it runs while we wait
        fiber.Status.ShouldBe(FiberStatus.Running);
        fiber.Join(TimeSpan.FromMilliseconds(1)).ShouldBeFalse();
        back.Release();
        fiber.Join();
        fiber.RanInline.ShouldBeFalse();
    });

    [Fact]
    public void Beyond_the_limit_Spawn_runs_inline_and_SpawnConcurrent_throws() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Make(maxFibers: 1);
        using var gate = new ManualResetEventSlim();
        Fiber holder = runtime.SpawnConcurrent(gate.Wait);
        runtime.Spawn(() => { }).RanInline.ShouldBeTrue();
        Should.Throw<ConcurrencyUnavailableException>(() => runtime.SpawnConcurrent(() => { }));
        gate.Set();
        holder.Join();
        runtime.Statistics.InlineForLimit.ShouldBe(1);
    });
}
