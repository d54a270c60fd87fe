using System.Runtime.CompilerServices;

namespace Fibers.Backends;

/// <summary>Before the runtime trusts itself: what could go wrong with this .NET, C library and kernel is tried once, on a few fibers.</summary>
internal static class SelfTest
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private const long LoopLimit = 20_000_000_000; // a loop nobody stops ends by itself after some seconds

    /// <summary>Null: all is well. Otherwise what is not.</summary>
    public static string? Run()
    {
        if (WaitSites.Learn() is { } reason)
            return reason;
        FiberRuntime runtime = FiberRuntime.MakeUntested(new FiberRuntimeOptions { Carriers = 1 });
        reason = Try(runtime, ParksWithLiveObjects) ?? Try(runtime, ParksInTheRuntime) ?? Try(runtime, StopsInATightLoop) ?? Try(runtime, HasAnIdentityOfItsOwn);
        if (reason is null)
            runtime.Dispose();
        return reason;
    }

    private static string? Try(FiberRuntime runtime, Func<FiberRuntime, string?> step)
    {
        string? result = null;
        Exception? thrown = null;
        // On a thread of its own, so that a step that hangs costs that thread and not the program.
        var thread = new Thread(() =>
        {
            try
            {
                result = step(runtime);
            }
            catch (Exception exception)
            {
                thrown = exception;
            }
        })
        { IsBackground = true, Name = "fiber self-test" };
        thread.Start();
        if (!thread.Join(s_patience))
            return $"the self-test '{step.Method.Name}' did not finish within {s_patience.TotalSeconds:F0} s";
        return thrown is null ? result : $"the self-test '{step.Method.Name}' failed ({thrown.GetType().Name}: {thrown.Message})";
    }

    // A parked fiber's objects are found by the collector, and its references follow when they move.
    private static string? ParksWithLiveObjects(FiberRuntime runtime)
    {
        using var collected = new ManualResetEventSlim();
        using var parked = new CountdownEvent(4);
        var fibers = new Fiber<bool>[4];
        for (int i = 0; i < fibers.Length; i++)
            fibers[i] = runtime.SpawnConcurrent(() => HoldGraph(parked, collected, depth: 20));
        parked.Wait();
        for (int generation = 0; generation <= 1; generation++)
            GC.Collect(generation, GCCollectionMode.Forced, blocking: true, compacting: true);
        collected.Set();
        bool intact = true;
        foreach (Fiber<bool> fiber in fibers)
            intact &= fiber.Join();
        return intact ? null : "objects of a parked fiber did not survive a collection";
    }

    private sealed record Node(int Depth, Node? Next);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HoldGraph(CountdownEvent parked, ManualResetEventSlim collected, int depth, Node? above = null)
    {
        var node = new Node(depth, above);
        if (depth > 0)
        {
            bool below = HoldGraph(parked, collected, depth - 1, node);
            return below && node.Depth == depth && node.Next == above && (above is null || above.Depth == depth + 1);
        }

        parked.Signal();
        while (!collected.IsSet)
            Fiber.Sleep(TimeSpan.FromMilliseconds(1));
        return node.Depth == 0 && node.Next == above;
    }

    // Thread.Sleep, Monitor.Wait and WaitOne give the carrier away: ten fibers sleep together on one carrier.
    private static string? ParksInTheRuntime(FiberRuntime runtime)
    {
        long before = Turns(runtime);
        using var gate = new ManualResetEvent(false);
        int arrived = 0;
        var fibers = new Fiber[10];
        for (int i = 0; i < fibers.Length; i++)
        {
            fibers[i] = runtime.SpawnConcurrent(() =>
            {
                Thread.Sleep(1);
                Interlocked.Increment(ref arrived);
                gate.WaitOne();
            });
        }

        bool parked = SpinWait.SpinUntil(() => Volatile.Read(ref arrived) == fibers.Length && Array.TrueForAll(fibers, static fiber => fiber.VirtualThread is { IsParked: true }), s_patience / 2);
        gate.Set();
        foreach (Fiber fiber in fibers)
            fiber.Join();
        // One turn to begin, one after the sleep, one after the gate. A wait that blocked would have cost a turn.
        return parked && Turns(runtime) - before >= fibers.Length * 3
            ? null
            : "waits of the .NET runtime block the carrier instead of parking the fiber";
    }

    private static long Turns(FiberRuntime runtime) => runtime.Statistics.Switches + runtime.Statistics.Rescued;

    // A loop without calls is stopped by the suspension signal.
    private static string? StopsInATightLoop(FiberRuntime runtime)
    {
        var flags = new LoopFlags();
        Fiber<bool> fiber = runtime.SpawnConcurrent(() => Loop(flags));
        SpinWait.SpinUntil(() => Volatile.Read(ref flags.Started));
        for (int i = 0; i < 3; i++)
            GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        Volatile.Write(ref flags.Stop, true);
        return fiber.Join() ? null : "a fiber in a tight loop could not be suspended for a collection";
    }

    private sealed class LoopFlags
    {
        public bool Started;
        public bool Stop;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static bool Loop(LoopFlags flags)
    {
        Volatile.Write(ref flags.Started, true);
        for (long i = 0; i < LoopLimit; i++)
            if (Volatile.Read(ref flags.Stop))
                return true;
        return false;
    }

    // Two fibers of one carrier are two threads to the runtime and to its locks.
    private static string? HasAnIdentityOfItsOwn(FiberRuntime runtime)
    {
        var gate = new Lock();
        using var bothThere = new CountdownEvent(2); // else the second may get the virtual thread the first has left
        int inside = 0, most = 0;
        int Hold()
        {
            bothThere.Signal();
            bothThere.Wait();
            lock (gate)
            {
                most = Math.Max(most, ++inside);
                Fiber.Sleep(TimeSpan.FromMilliseconds(1));
                inside--;
            }

            return Environment.CurrentManagedThreadId;
        }

        Fiber<int> first = runtime.SpawnConcurrent(Hold);
        Fiber<int> second = runtime.SpawnConcurrent(Hold);
        if (first.Join() == second.Join())
            return "two fibers have the same managed thread id";
        return most == 1 ? null : "two fibers were inside one lock";
    }
}
