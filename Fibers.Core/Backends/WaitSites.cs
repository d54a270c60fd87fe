using System.Runtime.CompilerServices;
using Fibers.Native;

namespace Fibers.Backends;

/// <summary>
/// Teaches the shim where the runtime waits for threads, by doing a few known waits on one thread, and how a wait for the end of a
/// collection differs from them (redirect_waits.c says why both matter).
/// </summary>
internal static unsafe class WaitSites
{
    private const uint Wait = 1;
    private const uint Collection = 2;
    private const uint Yield = 3;

    /// <summary>Null, or why nothing was learned. Blocks for some milliseconds; forces a few small collections.</summary>
    public static string? Learn()
    {
        string? failure = null;
        var thread = new Thread(() => failure = LearnHere(), 512 * 1024) { IsBackground = true, Name = "fiber calibration" };
        thread.Start();
        thread.Join();
        if (failure is not null)
            return failure;
        int sites, collectionKnown;
        if (Shim.fibers_calibrate_result(&sites, &collectionKnown) != 0)
            return "no wait of the .NET runtime was seen to end in a condition wait";
        return sites > 4 ? $"the .NET runtime waits at {sites} places where 2 are usual" : null;
    }

    private static string? LearnHere()
    {
        // Everything is compiled, and every wait has been done once, before a window opens.
        using var signal = new AutoResetEvent(false);
        object monitor = new();
        LearnWaits(signal, monitor, 0);
        if (!LearnWaits(signal, monitor, Wait))
            return "a known wait of the .NET runtime did not reach the redirected function";
        LearnYields(signal, monitor, 0);
        LearnYields(signal, monitor, Yield);
        LearnCollections();
        return null;
    }

    private static bool LearnWaits(AutoResetEvent signal, object monitor, uint kind)
    {
        bool all = Window(kind, static (_, _) => Thread.Sleep(1), signal, monitor);
        all &= Window(kind, static (signal, _) => signal.WaitOne(1), signal, monitor);
        all &= Window(kind, static (_, monitor) => Monitor.Wait(monitor, 1), signal, monitor);
        // Without a time-out: somebody else must wake us, from outside the window.
        using var helper = new Timer(static state => ((AutoResetEvent)state!).Set(), signal, 0, 1);
        all &= Window(kind, static (signal, _) => signal.WaitOne(), signal, monitor);
        return all || kind == 0;
    }

    // Not learned, Thread.Yield would yield the kernel thread: slower, not wrong.
    private static void LearnYields(AutoResetEvent signal, object monitor, uint kind)
    {
        Window(kind, static (_, _) => Thread.Yield(), signal, monitor);
        Window(kind, static (_, _) => Thread.Sleep(0), signal, monitor);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Window(uint kind, Action<AutoResetEvent, object> wait, AutoResetEvent signal, object monitor)
    {
        // A collection inside the window would teach its own wait: try until a window stays clean.
        for (int attempt = 0; attempt < 100; attempt++)
        {
            lock (monitor)
            {
                signal.Reset();
                int collections = GC.CollectionCount(0);
                Shim.fibers_calibrate_begin(kind);
                wait(signal, monitor);
                bool clean = GC.CollectionCount(0) == collections;
                if ((Shim.fibers_calibrate_end(clean ? 1 : 0) > 0 && clean) || kind == 0)
                    return true;
            }
        }

        return false;
    }

    // Calls into native code and back, and nothing else: the only wait that can come of it is for a collection.
    private static void LearnCollections()
    {
        Shim.fibers_nop();
        bool stop = false;
        int spins = 0;
        var collector = new Thread(() =>
        {
            // One collection per spin: back to back they leave the spinning thread no time to run, for seconds.
            for (int collected = 0; !Volatile.Read(ref stop);)
            {
                if (collected == Volatile.Read(ref spins))
                {
                    Thread.Yield();
                    continue;
                }

                collected = Volatile.Read(ref spins);
                GC.Collect(0, GCCollectionMode.Forced, blocking: true);
            }
        }, 256 * 1024)
        { IsBackground = true, Name = "fiber calibration collector" };
        collector.Start();
        int seen = 0;
        long end = Environment.TickCount64 + 1000;
        Shim.fibers_calibrate_begin(Collection);
        while (seen < 3 && Environment.TickCount64 < end)
        {
            Volatile.Write(ref spins, spins + 1);
            Spin();
            seen = Shim.fibers_calibrate_seen();
        }

        Shim.fibers_calibrate_end(keep: 1);
        Volatile.Write(ref stop, true);
        collector.Join();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Spin()
    {
        for (int i = 0; i < 10_000; i++)
            Shim.fibers_nop();
    }
}
