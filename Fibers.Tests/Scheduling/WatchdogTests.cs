using Fibers.Native;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

/// <summary>A fiber that keeps its carrier does not keep it from the others for long.</summary>
public class WatchdogTests
{
    [Fact]
    public void A_fiber_that_only_computes_does_not_stop_another_on_the_one_carrier() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        bool stop = false, spinning = false;
        Fiber busy = runtime.SpawnConcurrent(() =>
        {
            Volatile.Write(ref spinning, true);
            while (!Volatile.Read(ref stop))
            {
            }
        });
        Eventually.True(() => Volatile.Read(ref spinning), "the busy fiber has the carrier");
        runtime.SpawnConcurrent(() => 42).Join().ShouldBe(42);
        runtime.Statistics.SparesStarted.ShouldBeGreaterThan(0);
        Volatile.Write(ref stop, true);
        busy.Join();
    });

    [Fact]
    public void A_computing_fiber_does_not_stop_timers_and_descriptors() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var pair = new Unmodified.LoopbackPair();
        Fiber<int> reader = runtime.SpawnConcurrent(() => pair.Near.Receive(new byte[1]));
        Fiber sleeper = runtime.SpawnConcurrent(() => Thread.Sleep(30));
        bool stop = false;
        Fiber busy = runtime.SpawnConcurrent(() =>
        {
            while (!Volatile.Read(ref stop))
            {
            }
        });
        sleeper.Join();
        pair.Far.Send([1]);
        reader.Join().ShouldBe(1);
        busy.Status.ShouldBe(FiberStatus.Running);
        Volatile.Write(ref stop, true);
        busy.Join();
    });

    [Fact]
    public void What_waits_behind_a_computing_fiber_is_fetched_although_the_other_carrier_never_runs_out_of_work() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        bool stop = false;
        Fiber[] pair = [.. Enumerable.Range(0, 2).Select(_ => runtime.SpawnConcurrent(() =>
        {
            while (!Volatile.Read(ref stop))
                Fiber.Yield();
        }))];
        Fiber<bool> computing = runtime.SpawnConcurrent(() =>
        {
            bool fetched = false;
            Fiber.Spawn(() => Volatile.Write(ref fetched, true));
            while (!Volatile.Read(ref fetched))
            {
            }

            return fetched;
        });
        computing.Join().ShouldBeTrue();
        Volatile.Write(ref stop, true);
        foreach (Fiber fiber in pair)
            fiber.Join();
    });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Fibers_that_block_every_kernel_thread_do_not_stop_others(int carriers) => Bounded.Run(() =>
    {
        const long slice = 50_000_000;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        bool stop = false;
        int blocking = 0;
        Fiber[] blockers = [.. Enumerable.Range(0, carriers).Select(_ => runtime.SpawnConcurrent(() =>
        {
            Interlocked.Increment(ref blocking);
            while (!Volatile.Read(ref stop))
                Shim.fibers_block_kernel_thread(slice);
        }))];
        Eventually.True(() => Volatile.Read(ref blocking) == carriers, "every carrier is blocked");
        runtime.SpawnConcurrent(() =>
        {
            Thread.Sleep(1);
            return 42;
        }).Join().ShouldBe(42);
        runtime.Statistics.SparesStarted.ShouldBeGreaterThan(0);
        Volatile.Write(ref stop, true);
        foreach (Fiber blocker in blockers)
            blocker.Join();
    });

    [Fact]
    public void Spares_go_away_when_nobody_sits_any_more_although_there_is_always_something_to_do() => Bounded.Run(() =>
    {
        const long slice = 10_000_000;
        using FiberRuntime runtime = Runtimes.Native(1);
        bool stop = false, release = false;
        Fiber[] busy = [.. Enumerable.Range(0, 300).Select(_ => runtime.SpawnConcurrent(() =>
        {
            while (!Volatile.Read(ref stop))
                Fiber.Yield();
        }))];
        Fiber blocker = runtime.SpawnConcurrent(() =>
        {
            while (!Volatile.Read(ref release))
                Shim.fibers_block_kernel_thread(slice);
        });
        Eventually.True(() => runtime.Statistics.Carriers > 1, "a spare has come");
        Volatile.Write(ref release, true);
        blocker.Join();
        Eventually.True(() => runtime.Statistics.Carriers == 1, "it has gone");
        busy.ShouldAllBe(static fiber => !fiber.IsEnded);
        Volatile.Write(ref stop, true);
        foreach (Fiber fiber in busy)
            fiber.Join();
    });

    [Fact]
    public void Spares_go_away_when_they_have_nothing_to_do() => Bounded.Run(() =>
    {
        const int carriers = 2;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        bool stop = false;
        Fiber[] busy = [.. Enumerable.Range(0, carriers + 1).Select(_ => runtime.SpawnConcurrent(() =>
        {
            while (!Volatile.Read(ref stop))
            {
            }
        }))];
        Eventually.True(() => runtime.Statistics.Carriers > carriers, "a spare has come");
        Volatile.Write(ref stop, true);
        foreach (Fiber fiber in busy)
            fiber.Join();
        Eventually.True(() => runtime.Statistics.Carriers == carriers, "the spares have gone");
    });
}
