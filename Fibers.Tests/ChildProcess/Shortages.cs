using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Scheduling;
using Fibers.Tests.Support;
using Fibers.VirtualThreads;
using Shouldly;

namespace Fibers.Tests.ChildProcess;

/// <summary>The watchdog in a process where something has run out. What it cannot do now it does later; the process goes on.</summary>
internal static class Shortages
{
    private const long SliceNs = 1_000_000;
    private static readonly TimeSpan s_severalTicks = TimeSpan.FromMilliseconds(100); // of the watchdog's

    // A fiber keeps the one carrier, another waits, and no spare can be started until there are threads again.
    public static int NoThreadForASpare()
    {
        ProcessLimits.ObeyThreadLimit();
        using FiberRuntime runtime = Runtimes.Native(1);
        Scheduler scheduler = runtime.Scheduler!;
        runtime.SpawnConcurrent(static () => { }).Join(); // what the blocker will run on
        bool stop = false, blocking = false;
        Fiber? blocker = null;
        string seen;
        try
        {
            Fiber waiting;
            using (ProcessLimits.NoMoreThreads())
            {
                blocker = runtime.SpawnConcurrent(() =>
                {
                    Volatile.Write(ref blocking, true);
                    while (!Volatile.Read(ref stop))
                        Shim.fibers_block_kernel_thread(SliceNs);
                });
                Eventually.True(() => Volatile.Read(ref blocking), "the carrier is blocked");
                waiting = runtime.Spawn(static () => { });
                for (int i = 0; i < 5; i++)
                    scheduler.TryAddSpare().ShouldBeFalse();
                Thread.Sleep(s_severalTicks);
                seen = $"{scheduler.LiveCarriers} carrier, {runtime.Statistics.SparesStarted} spares, {waiting.Status}";
            }

            waiting.Join();
            Console.WriteLine(seen); // the first line needs a thread, too
            Console.WriteLine("the other ran");
        }
        finally
        {
            Volatile.Write(ref stop, true);
        }

        blocker.Join();
        Eventually.True(() => scheduler.AllIdle, "the carriers are idle");
        return 0;
    }

    // Idle virtual threads cannot be ended, and wait: in the pool, from where they can still be used, and in Dispose.
    public static int NoThreadToEndOn()
    {
        const int fibers = 20;
        ProcessLimits.ObeyThreadLimit();
        FiberRuntime runtime = Runtimes.Native(1);
        runtime.Scheduler!.Watchdog.Stop(); // it trims, too
        VirtualThreadPool pool = runtime.Scheduler.Pool;
        WaitAtOnce(runtime, fibers);
        long created = pool.Created;
        using var dispose = new ManualResetEventSlim();
        var disposing = new Thread(() =>
        {
            dispose.Wait();
            runtime.Dispose();
        });
        disposing.Start();
        var seen = new List<string>();
        using (ProcessLimits.NoMoreThreads())
        {
            for (int i = 0; i < 2; i++)
                pool.Trim(0);
            seen.Add($"trimmed {pool.Destroyed}, idle {created - pool.Idle} less");
            WaitAtOnce(runtime, fibers);
            seen.Add($"created {pool.Created - created} more");
        }

        pool.Trim(fibers - 1);
        seen.Add($"trimmed some: {pool.Destroyed > 0}");
        long trimmed = pool.Destroyed;
        using (ProcessLimits.NoMoreThreads())
        {
            dispose.Set();
            Eventually.True(() => created - pool.Idle > trimmed, "Dispose tries to end one");
            Thread.Sleep(s_severalTicks);
            seen.Add($"disposed {pool.Destroyed - trimmed}, {(disposing.IsAlive ? "waits" : "ended")}");
        }

        disposing.Join();
        seen.Add($"left {pool.Created - pool.Destroyed}");
        seen.ForEach(Console.WriteLine);
        return 0;
    }

    // There are threads for the first of a runtime's carriers, then for some more, in the end for all.
    public static int NoThreadForEveryCarrier()
    {
        const int carriers = 4, most = 1000;
        ProcessLimits.ObeyThreadLimit();
        Runtimes.Native(carriers).Dispose(); // what is started once for all
        int before = Threads(), refused = 0;
        FiberRuntime? started = null;
        for (int limit = 1; started is null && limit < most; limit++)
        {
            try
            {
                using (ProcessLimits.OnlyThreads(limit))
                    started = Runtimes.Native(carriers);
            }
            catch (Exception exception) when (exception is OutOfMemoryException or InvalidOperationException)
            {
                refused++;
                Eventually.True(() => Threads() == before, "those that had been started are gone again");
            }
        }

        using FiberRuntime runtime = started!;
        Console.WriteLine($"refused: {refused > carriers}, then {runtime.Spawn(static () => 7).Join()}");
        return 0;
    }

    private static int Threads() => Directory.GetDirectories("/proc/self/task").Length;

    private static void WaitAtOnce(FiberRuntime runtime, int fibers)
    {
        using var gate = new ManualResetEventSlim();
        Fiber[] all = [.. Enumerable.Range(0, fibers).Select(_ => runtime.SpawnConcurrent(gate.Wait))];
        Eventually.True(() => all.All(FiberState.IsParked), "all wait");
        gate.Set();
        foreach (Fiber fiber in all)
            fiber.Join();
    }

    // A list of all fibers finds no memory, under a limit that the environment sets. The registry can be used afterwards.
    public static int NoMemoryForASnapshot()
    {
        const int fibers = 300_000, piece = 100_000;
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Inline });
        var registry = new FiberRegistry();
        for (int i = 0; i < fibers; i++)
            registry.Add(Fiber.Create(runtime, static () => { }, null));
        var filling = new List<byte[]>(1_000_000);
        Should.Throw<OutOfMemoryException>(() =>
        {
            while (true)
                filling.Add(new byte[piece]);
        });
        Should.Throw<OutOfMemoryException>(() => registry.Snapshot());
        filling.Clear();
        Console.WriteLine($"{registry.Count().Spawned} {registry.Snapshot().Count}");
        return 0;
    }

    // Somebody looks for a deadlock, and cannot open what he would look at. A deadlock that needs no such look is told without a dump.
    public static int NoDescriptorToLookWith()
    {
        Deadlocks.Report(); // what is used later is loaded
        using (FiberRuntime runtime = Runtimes.Native(1))
        {
            var channel = new FiberChannel<int>();
            IDisposable? none = null;
            var waker = new Thread(() =>
            {
                Eventually.True(() => runtime.Registry.Snapshot() is [var main] && FiberState.IsParked(main) && runtime.Scheduler!.AllIdle, "it waits");
                runtime.Deadlocks.Look(); // as the watchdog does just now
                Thread.Sleep(s_severalTicks);
                none!.Dispose();
                channel.Send(1);
            });
            waker.Start();
            runtime.Run(() =>
            {
                none = ProcessLimits.NoMoreDescriptors();
                channel.Receive();
            });
            waker.Join();
            Console.WriteLine("woken");
        }

        using FiberRuntime alone = Runtimes.Start(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1, SelfContained = true });
        using (ProcessLimits.NoMoreDescriptors())
        {
            try
            {
                alone.Run(static () => new FiberChannel<int>(name: "nobody sends").Receive());
            }
            catch (FiberDeadlockException deadlock)
            {
                Console.WriteLine(deadlock.Waits[0].Contains("nobody sends") ? "told" : deadlock.Message);
            }
        }

        return 0;
    }
}
