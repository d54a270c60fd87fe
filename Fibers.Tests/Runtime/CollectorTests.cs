using System.Runtime.CompilerServices;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

/// <summary>To the collector a fiber is a thread: it scans its stack, moves what it refers to, and stops it wherever it is.</summary>
public class CollectorTests
{
    private const int Carriers = 4;
    private const int Fibers = 300;
    private const int Depth = 40;

    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(
        int.TryParse(Environment.GetEnvironmentVariable("FIBERS_STRESS_SECONDS"), out int seconds) ? seconds : 5);

    private static readonly TimeSpan s_limit = s_duration + Bounded.Limit;

    private static long s_spins;

    [Fact]
    public void Deep_graphs_on_hopping_stacks_survive_collections_of_every_generation() => Bounded.Run(s_limit, () =>
    {
        using FiberRuntime runtime = Runtimes.Native(Carriers);
        var stop = new StopFlag();
        Fiber<long>[] fibers = [.. Enumerable.Range(0, Fibers).Select(i => runtime.SpawnConcurrent(() =>
        {
            long rounds = 0;
            for (; !stop.Raised || rounds == 0; rounds++)
                Descend(i, Depth, null);
            return rounds;
        }))];
        long collections = CollectUntil(s_duration);
        stop.Raised = true;
        long rounds = fibers.Sum(static fiber => fiber.Join());
        rounds.ShouldBeGreaterThanOrEqualTo(Fibers);
        collections.ShouldBeGreaterThan(0);
        runtime.Statistics.Steals.ShouldBeGreaterThan(0, "they hopped between carriers");
    });

    [Fact]
    public void A_fiber_in_a_tight_loop_is_suspended_every_time() => Bounded.Run(s_limit, () =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        var stop = new StopFlag();
        long before = Volatile.Read(ref s_spins);
        Fiber spinner = runtime.SpawnConcurrent(() => Spin(stop));
        Eventually.True(() => Volatile.Read(ref s_spins) > before, "the loop runs");
        CollectUntil(s_duration / 2).ShouldBeGreaterThan(0);
        long at = Volatile.Read(ref s_spins);
        Eventually.True(() => Volatile.Read(ref s_spins) > at, "the loop still runs");
        stop.Raised = true;
        spinner.Join();
    });

    [Fact]
    public void Tight_loops_that_begin_and_end_between_collections_are_suspended_too() => Bounded.Run(s_limit, () =>
    {
        using FiberRuntime runtime = Runtimes.Native(Carriers);
        var stop = new StopFlag();
        Fiber[] fibers = [.. Enumerable.Range(0, 50).Select(_ => runtime.SpawnConcurrent(() =>
        {
            while (!stop.Raised)
            {
                SpinBriefly(20_000);
                Fiber.Yield(); // so that the signal often finds it elsewhere
            }
        }))];
        CollectUntil(s_duration / 2).ShouldBeGreaterThan(0);
        stop.Raised = true;
        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    [Fact]
    public void Fibers_that_allocate_start_collections_themselves() => Bounded.Run(s_limit, () =>
    {
        using FiberRuntime runtime = Runtimes.Native(Carriers);
        int before = GC.CollectionCount(0);
        var stop = new StopFlag();
        Fiber[] fibers = [.. Enumerable.Range(0, 100).Select(i => runtime.SpawnConcurrent(() =>
        {
            for (int round = 0; !stop.Raised || round < 3; round++)
            {
                var kept = new List<byte[]>();
                for (int block = 0; block < 50; block++)
                {
                    byte[] bytes = new byte[100 + block * 37];
                    bytes.AsSpan().Fill((byte)i);
                    kept.Add(bytes);
                    if (block % 10 == 0)
                        Fiber.Yield();
                }

                foreach (byte[] bytes in kept)
                    bytes.AsSpan().IndexOfAnyExcept((byte)i).ShouldBe(-1);
            }
        }))];
        Eventually.True(() => GC.CollectionCount(0) > before + 20, "they have made the collector run");
        stop.Raised = true;
        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    [Fact]
    public void A_collection_forced_by_a_fiber_stops_the_others_and_returns() => Bounded.Run(s_limit, () =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Fiber[] fibers = [.. Enumerable.Range(0, 40).Select(i => runtime.Spawn(() =>
        {
            for (int round = 0; round < 5; round++)
            {
                object[] mine = [i, round, $"{i}.{round}"];
                GC.Collect(round % 3, GCCollectionMode.Forced, blocking: true, compacting: round % 3 == 2);
                Fiber.Yield();
                mine.ShouldBe([i, round, $"{i}.{round}"]);
            }
        }))];
        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    [Fact]
    public void Finalizers_may_take_locks_that_fibers_hold() => Bounded.Run(s_limit, () =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        object gate = new();
        var finalized = new Counter();
        bool held = false;
        using var release = new ManualResetEventSlim();
        Fiber holder = runtime.SpawnConcurrent(() =>
        {
            lock (gate)
            {
                Volatile.Write(ref held, true);
                release.Wait();
            }
        });
        Eventually.True(() => Volatile.Read(ref held), "the fiber holds the lock");
        Abandon(gate, finalized);
        GC.Collect();
        release.Set();
        GC.WaitForPendingFinalizers();
        Eventually.True(() => finalized.Value > 0, "the finalizer has run");
        holder.Join();
    });

    private static long CollectUntil(TimeSpan duration)
    {
        long end = Environment.TickCount64 + (long)duration.TotalMilliseconds, collections = 0;
        for (; Environment.TickCount64 < end || collections < 6; collections++)
        {
            int generation = (int)(collections % 3);
            GC.Collect(generation, GCCollectionMode.Forced, blocking: true, compacting: collections % 2 == 0);
            if (collections % 8 == 0)
                Thread.Sleep(1); // lets them get on, so that the next ones find them elsewhere
        }

        return collections;
    }

    // One object per frame, each referring to the one above; checked on the way back, after everything has moved.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Descend(int fiber, int depth, Node? above)
    {
        var node = new Node(fiber, depth, above, new byte[depth * 3 % 64]);
        if (depth % 8 == 0)
            Fiber.Yield();
        if (depth == 0)
            Thread.Sleep(1);
        else
            Descend(fiber, depth - 1, node);
        node.Check(fiber, depth, above);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Spin(StopFlag stop)
    {
        while (!stop.Raised)
            s_spins++;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long SpinBriefly(int turns)
    {
        long sum = 0;
        for (int i = 0; i < turns; i++)
            sum += i ^ sum;
        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Abandon(object gate, Counter finalized) => _ = new LocksWhenFinalized(gate, finalized);

    private sealed class Node(int fiber, int depth, Node? above, byte[] ballast)
    {
        public void Check(int expectedFiber, int expectedDepth, Node? expectedAbove)
        {
            if (fiber != expectedFiber || depth != expectedDepth || !ReferenceEquals(above, expectedAbove) || ballast.Length != depth * 3 % 64)
                throw new InvalidDataException($"The graph of fiber {expectedFiber} is corrupt at depth {expectedDepth}.");
        }
    }

    private sealed class StopFlag
    {
        private volatile bool _raised;

        public bool Raised
        {
            get => _raised;
            set => _raised = value;
        }
    }

    private sealed class Counter
    {
        private int _value;

        public int Value => Volatile.Read(ref _value);

        public void Increment() => Interlocked.Increment(ref _value);
    }

    private sealed class LocksWhenFinalized(object gate, Counter finalized)
    {
        ~LocksWhenFinalized()
        {
            lock (gate)
                finalized.Increment();
        }
    }
}
