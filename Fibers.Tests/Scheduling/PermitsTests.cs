using Fibers.Diagnostics;
using Fibers.Scheduling;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

/// <summary>Whoever gives the last permit back knows that it was the last, however many try in vain meanwhile: Dispose waits for nothing else.</summary>
public class PermitsTests
{
    [Fact]
    public void Whoever_tries_in_vain_is_not_counted_for_a_moment() => Bounded.Run(() =>
    {
        const int tries = 300_000;
        var permits = new Permits(1);
        permits.TryTake().ShouldBeTrue();
        bool stop = false;
        int most = 0;
        var observer = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                most = Math.Max(most, permits.Taken);
        });
        observer.Start();
        Thread[] others = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < tries; i++)
                permits.TryTake();
        }))];
        foreach (Thread other in others)
            other.Start();
        foreach (Thread other in others)
            other.Join();
        Volatile.Write(ref stop, true);
        observer.Join();
        most.ShouldBe(1);
        permits.Return().ShouldBe(0);
    });

    [Fact]
    public void Only_as_many_as_there_are_get_one() => Bounded.Run(() =>
    {
        const int limit = 3, threads = 8, rounds = 20_000;
        var permits = new Permits(limit);
        int inside = 0;
        bool tooMany = false;
        Thread[] all = [.. Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < rounds; i++)
            {
                if (!permits.TryTake())
                    continue;
                if (Interlocked.Increment(ref inside) > limit)
                    Volatile.Write(ref tooMany, true);
                Interlocked.Decrement(ref inside);
                permits.Return();
            }
        }))];
        foreach (Thread thread in all)
            thread.Start();
        foreach (Thread thread in all)
            thread.Join();
        tooMany.ShouldBeFalse();
        permits.Taken.ShouldBe(0);
    });

    [Fact]
    public void A_runtime_can_be_disposed_while_many_spawn_more_than_it_takes() => DisposeWhileMany(
        static () => Runtimes.Start(new FiberRuntimeOptions { Backend = FiberBackend.Threads, MaxFibers = 1 }),
        static runtime => runtime.Spawn(static () => { }));

    [Fact]
    public void They_are_closed_once_when_none_is_taken_and_nobody_gets_one_after_that() => Bounded.Run(() => Stress.For(0.3, static () =>
    {
        const int takers = 4;
        var permits = new Permits(takers);
        int closers = 0;
        bool closing = false, closed = false;
        Thread[] all = [.. Enumerable.Range(0, takers).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref closed))
            {
                if (permits.TryTake() && permits.Return() == 0 && Volatile.Read(ref closing) && permits.TryClose())
                {
                    Interlocked.Increment(ref closers);
                    Volatile.Write(ref closed, true);
                }
            }
        }))];
        foreach (Thread thread in all)
            thread.Start();
        Volatile.Write(ref closing, true);
        if (permits.TryClose())
        {
            Interlocked.Increment(ref closers);
            Volatile.Write(ref closed, true);
        }

        foreach (Thread thread in all)
            thread.Join();
        (closers, permits.Taken, permits.TryTake(), permits.TryClose()).ShouldBe((1, 0, false, false));
    }));

    [Fact]
    public void A_spawn_that_finds_no_memory_leaves_nothing_for_Dispose_to_wait_for() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = FiberRuntime.MakeFailing(throws: true);
        using var group = new FiberGroup(runtime);
        Should.Throw<OutOfMemoryException>(() => runtime.Spawn(static () => { }));
        Should.Throw<OutOfMemoryException>(() => runtime.SpawnConcurrent(static () => { }));
        Should.Throw<OutOfMemoryException>(() => group.SpawnConcurrent(static () => { }));
        (runtime.LiveFibers, group.Count, runtime.Statistics.Spawned).ShouldBe((0, 0, 0));
    });

    [Fact]
    public void A_spawn_that_has_begun_before_Dispose_and_goes_on_after_it_is_refused() => Bounded.Run(() =>
    {
        FiberRuntime runtime = Runtimes.Native(1);
        var between = new DisposesInBetween(runtime);
        Probe.Attach(between);
        try
        {
            Should.Throw<ObjectDisposedException>(() => runtime.Spawn(static () => { }));
        }
        finally
        {
            Probe.Detach(between);
        }
    });

    [Fact]
    public void Whoever_spawns_while_a_runtime_is_disposed_is_refused_or_served_and_never_left_waiting() => DisposeWhileMany(static () => Runtimes.Native(1), static runtime =>
    {
        try
        {
            runtime.SpawnConcurrent(static () => { }).Join();
            runtime.Spawn(static () => { }).Join();
        }
        catch (OperationCanceledException)
        {
        }
    });

    [Fact]
    public void A_runtime_can_be_disposed_while_many_spawn_in_vain() => DisposeWhileMany(static () => FiberRuntime.MakeFailing(), static runtime =>
    {
        try
        {
            runtime.SpawnConcurrent(static () => { });
        }
        catch (ConcurrencyUnavailableException)
        {
        }
    });

    private sealed class DisposesInBetween(FiberRuntime runtime) : Probe
    {
        public override void Spawned(Fiber fiber, Fiber? parent)
        {
            if (fiber.Runtime == runtime)
                runtime.Dispose();
        }
    }

    private static void DisposeWhileMany(Func<FiberRuntime> start, Action<FiberRuntime> spawn) => Bounded.Run(() =>
    {
        const int spawners = 40;
        FiberRuntime? current = null;
        bool stop = false;
        Thread[] threads = [.. Enumerable.Range(0, spawners).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                if (Volatile.Read(ref current) is not { } runtime)
                    continue;
                try
                {
                    spawn(runtime);
                }
                catch (ObjectDisposedException)
                {
                    Thread.Yield();
                }
            }
        })
        { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        int round = 0;
        Stress.For(1, () =>
        {
            FiberRuntime runtime = start();
            Volatile.Write(ref current, runtime);
            Thread.SpinWait(round++ % 50 * 50);
            runtime.Dispose();
        });
        Volatile.Write(ref stop, true);
        foreach (Thread thread in threads)
            thread.Join();
    });
}
