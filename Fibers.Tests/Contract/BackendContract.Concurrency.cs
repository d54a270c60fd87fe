using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Asynchrony against concurrency, and what happens when nothing can be had.
public abstract partial class BackendContract
{
    [Fact]
    public void SpawnConcurrent_makes_progress_beside_its_caller() => OnAConcurrentRuntime(runtime =>
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
        if (!HasConcurrency)
        {
            AsksInVain(() => runtime.SpawnConcurrent(() => { }));
            return;
        }

        using var gate = new ManualResetEventSlim();
        Fiber holder = runtime.SpawnConcurrent(gate.Wait);
        Fiber inline = runtime.Spawn(() => { });
        inline.RanInline.ShouldBeTrue();
        inline.Status.ShouldBe(FiberStatus.Succeeded);
        Should.Throw<ConcurrencyUnavailableException>(() => runtime.SpawnConcurrent(() => { })).Message.ShouldContain("1 fibers");
        gate.Set();
        holder.Join();
        runtime.Statistics.InlineForLimit.ShouldBe(1);
        runtime.Statistics.InlineRuns.ShouldBe(1);
    });

    [Fact]
    public void Statistics_tell_why_a_body_ran_inline() => OnARuntime(runtime =>
    {
        runtime.Spawn(() => { }).Join();
        FiberStatistics statistics = runtime.Statistics;
        statistics.InlineForBackend.ShouldBe(HasConcurrency ? 0 : 1);
        statistics.InlineRuns.ShouldBe(statistics.InlineForBackend);
    });

    [Fact]
    public void An_exception_nobody_joined_is_reported() => OnARuntime(runtime =>
    {
        Exception? seen = null;
        string? whose = null;
        runtime.UnobservedException += (_, report) => (seen, whose) = (report.Exception, report.Fiber);
        Drop(runtime);
        Eventually.True(() =>
        {
            runtime.Run(() => { }); // a carrier's frame may hold the last fiber it ran
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Volatile.Read(ref seen) is not null;
        }, "the dropped fiber's exception is reported");
        seen.ShouldBeOfType<InvalidDataException>();
        whose.ShouldNotBeNull().ShouldContain("dropped");
        runtime.Statistics.Unobserved.ShouldBe(1);
    });

    // Of its own, so that no local keeps the handle alive.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void Drop(FiberRuntime runtime)
    {
        runtime.Spawn(Throw, new FiberOptions { Name = "dropped" });
        Eventually.True(() => runtime.Statistics.Ended == 1, "it has ended"); // not joined: that would observe it
    }
}
