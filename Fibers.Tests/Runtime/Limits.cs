using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

/// <summary>Asynchrony never fails for lack of resources; concurrency says so. Nothing leaks either way.</summary>
public class Limits
{
    public enum Fault : uint
    {
        Stack = 0,
        Thread = 1,
    }

    [Fact]
    public void Spawn_beyond_the_limit_runs_inline() => Bounded.Run(() =>
    {
        const int limit = 10;
        using FiberRuntime runtime = Runtimes.Native(2, maxFibers: limit);
        using var gate = new ManualResetEventSlim();
        Fiber[] held = [.. Enumerable.Range(0, limit).Select(_ => runtime.Spawn(gate.Wait))];
        Fiber<Thread> beyond = runtime.Spawn(() => Thread.CurrentThread);
        beyond.Status.ShouldBe(FiberStatus.Succeeded, "it ran before Spawn returned");
        beyond.Join().ShouldBeSameAs(Thread.CurrentThread);
        beyond.RanInline.ShouldBeTrue();
        FiberStatistics full = runtime.Statistics;
        full.Live.ShouldBe(limit);
        full.InlineForLimit.ShouldBe(1);
        full.InlineRuns.ShouldBe(1);
        gate.Set();
        foreach (Fiber fiber in held)
        {
            fiber.Join();
            fiber.RanInline.ShouldBeFalse();
        }

        Eventually.True(() => runtime.Statistics.Live == 0, "all permits are back");
        Fiber after = runtime.Spawn(() => { });
        after.Join();
        after.RanInline.ShouldBeFalse();
    });

    [Fact]
    public void An_inline_body_has_its_own_identity_and_its_exception_waits_for_Join() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1, maxFibers: 1);
        runtime.Run(() =>
        {
            Fiber outer = Fiber.Current!;
            Fiber inner = Fiber.Spawn(() =>
            {
                Fiber.Current.ShouldNotBeSameAs(outer);
                throw new InvalidDataException("inline");
            });
            inner.RanInline.ShouldBeTrue();
            inner.Status.ShouldBe(FiberStatus.Failed);
            Fiber.Current.ShouldBeSameAs(outer);
            Should.Throw<InvalidDataException>(inner.Join).Message.ShouldBe("inline");
        });
    });

    [Fact]
    public void SpawnConcurrent_beyond_the_limit_throws_and_takes_nothing() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1, maxFibers: 2);
        using var gate = new ManualResetEventSlim();
        Fiber[] held = [runtime.SpawnConcurrent(gate.Wait), runtime.SpawnConcurrent(gate.Wait)];
        bool ran = false;
        for (int i = 0; i < 10; i++)
            Should.Throw<ConcurrencyUnavailableException>(() => runtime.SpawnConcurrent(() => ran = true)).Message.ShouldContain("MaxFibers");
        runtime.Statistics.Live.ShouldBe(2);
        gate.Set();
        foreach (Fiber fiber in held)
            fiber.Join();
        Eventually.True(() => runtime.Statistics.Live == 0, "all permits are back");
        runtime.SpawnConcurrent(() => { }).Join();
        ran.ShouldBeFalse();
    });

    [Fact]
    public void Many_more_spawns_than_the_limit_all_run() => Bounded.Run(() =>
    {
        const int spawns = 100_000;
        using FiberRuntime runtime = Runtimes.Native(2, maxFibers: 50);
        int ran = 0;
        runtime.Run(() =>
        {
            var fibers = new List<Fiber>();
            for (int i = 0; i < spawns; i++)
                fibers.Add(Fiber.Spawn(() => Interlocked.Increment(ref ran)));
            foreach (Fiber fiber in fibers)
                fiber.Join();
        });
        ran.ShouldBe(spawns);
        Eventually.True(() => runtime.Statistics.Live == 0, "all permits are back");
        FiberStatistics end = runtime.Statistics;
        end.Spawned.ShouldBe(spawns + 1);
        end.Ended.ShouldBe(spawns + 1);
    });

    [Theory]
    [InlineData(Fault.Stack)]
    [InlineData(Fault.Thread)]
    public void Spawn_completes_through_Join_when_no_virtual_thread_can_be_had(Fault fault) => Failing(fault, runtime =>
    {
        const int fibers = 50;
        using (Faults.Always((uint)fault))
        {
            Fiber<int>[] all = [.. Enumerable.Range(0, fibers).Select(i => runtime.Spawn(() => i))];
            for (int i = 0; i < fibers; i++)
                all[i].Join().ShouldBe(i);
            all.ShouldAllBe(static fiber => fiber.RanInline);
        }

        FiberStatistics after = runtime.Statistics;
        (after.InlineForJoin + after.InlineForResources).ShouldBe(fibers);
        after.Starved.ShouldBeGreaterThan(0);
    });

    [Theory]
    [InlineData(Fault.Stack)]
    [InlineData(Fault.Thread)]
    public void SpawnConcurrent_throws_when_no_virtual_thread_can_be_had(Fault fault) => Failing(fault, runtime =>
    {
        using (Faults.Always((uint)fault))
            Should.Throw<ConcurrencyUnavailableException>(() => runtime.SpawnConcurrent(() => { }));
        runtime.SpawnConcurrent(() => { }).Join();
    });

    [Theory]
    [InlineData(Fault.Stack)]
    [InlineData(Fault.Thread)]
    public void A_starving_fiber_runs_by_itself_once_another_has_ended(Fault fault) => Failing(fault, runtime =>
    {
        using var gate = new ManualResetEventSlim();
        Fiber holder = runtime.SpawnConcurrent(gate.Wait); // has the only virtual thread there will be
        int ran = 0;
        using (Faults.Always((uint)fault))
        {
            Fiber[] starving = [.. Enumerable.Range(0, 3).Select(_ => runtime.Spawn(() => Interlocked.Increment(ref ran)))];
            Eventually.True(() => runtime.Statistics.Starved > 0 || ran > 0, "a carrier looked for a virtual thread");
            gate.Set();
            Eventually.True(() => Volatile.Read(ref ran) == starving.Length, "nobody joined them, and all have run");
        }

        holder.Join();
    });

    [Theory]
    [InlineData(Fault.Stack)]
    [InlineData(Fault.Thread)]
    public void Starving_fibers_run_by_themselves_once_creation_works_again(Fault fault) => Failing(fault, runtime =>
    {
        int ran = 0;
        Fiber[] starving;
        using (Faults.Always((uint)fault))
        {
            starving = [.. Enumerable.Range(0, 3).Select(_ => runtime.Spawn(() => Interlocked.Increment(ref ran)))];
            Eventually.True(() => runtime.Statistics.Starved > 0, "a carrier found no virtual thread");
        }

        Eventually.True(() => Volatile.Read(ref ran) == starving.Length, "nobody joined them, and all have run");
    });

    [Theory]
    [InlineData(Fault.Stack)]
    [InlineData(Fault.Thread)]
    public void Creation_that_fails_now_and_then_loses_and_leaks_nothing(Fault fault) => Failing(fault, runtime =>
    {
        const int rounds = 20, fibers = 30;
        int ran = 0, refused = 0;
        for (int round = 0; round < rounds; round++)
        {
            using (Faults.Some((uint)fault, after: round % 7, times: 1 + round % 5))
            {
                var all = new List<Fiber>();
                for (int i = 0; i < fibers; i++)
                {
                    Action body = () =>
                    {
                        Fiber.Yield();
                        Interlocked.Increment(ref ran);
                    };
                    try
                    {
                        all.Add(i % 3 == 0 ? runtime.SpawnConcurrent(body) : runtime.Spawn(body));
                    }
                    catch (ConcurrencyUnavailableException)
                    {
                        refused++;
                    }
                }

                foreach (Fiber fiber in all)
                    fiber.Join();
            }
        }

        ran.ShouldBe(rounds * fibers - refused);
    });

    // Afterwards everything works, and threads and mappings are as many as before.
    private static void Failing(Fault fault, Action<FiberRuntime> body) => Bounded.Run(() =>
    {
        Enum.IsDefined(fault).ShouldBeTrue();
        using (FiberRuntime warm = Runtimes.Native(2))
            warm.Run(() => { });
        int threads = KernelView.Threads(), mappings = KernelView.Mappings();
        using (FiberRuntime runtime = Runtimes.Native(2))
        {
            body(runtime);
            Eventually.True(() => runtime.Statistics.Live == 0, "all permits are back");
            Fiber[] after = [.. Enumerable.Range(0, 20).Select(_ => runtime.Spawn(Fiber.Yield))];
            foreach (Fiber fiber in after)
            {
                fiber.Join();
                fiber.RanInline.ShouldBeFalse();
            }
        }

        const int elsewhere = 4; // the thread pool and the compiler come and go
        Eventually.True(() => KernelView.Threads() <= threads + elsewhere, "the kernel threads are gone");
        KernelView.Mappings().ShouldBeLessThanOrEqualTo(mappings + 50);
    });
}
