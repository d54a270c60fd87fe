using System.Runtime.InteropServices;
using Fibers.Tests.Support;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>Calls that managed code makes as if they were its own. Who parked there would hold up every collection.</summary>
public partial class WithoutTransition
{
    [Fact]
    public void Such_a_call_does_not_park() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        bool stop = false;
        Fiber[] fibers = [.. Enumerable.Range(0, 4).Select(_ => runtime.Spawn(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                for (int i = 0; i < 1_000; i++)
                    Yield();
                Fiber.Yield();
            }
        }))];
        for (int i = 0; i < 50; i++)
            GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        Volatile.Write(ref stop, true);
        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    [LibraryImport("libc", EntryPoint = "sched_yield")]
    [SuppressGCTransition]
    private static partial int Yield();
}
