using System.Runtime.CompilerServices;

namespace Fibers.Demos;

/// <summary>The collector stops a parked fiber like any thread, walks its stack, moves its objects and corrects the references.</summary>
internal static class Collector
{
    private sealed record Link(int Number, Link? Next);

    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 });
        using var parked = new ManualResetEventSlim();
        using var collected = new ManualResetEventSlim();
        Console.WriteLine($"{runtime.Backend}:");
        Fiber<bool> fiber = runtime.SpawnConcurrent(() => Hold(parked, collected));
        parked.Wait();
        GC.Collect(0, GCCollectionMode.Forced, blocking: true, compacting: true);
        collected.Set();
        Console.WriteLine(fiber.Join() ? "Nothing refers to them but the parked stack: so the collector read it, and rewrote it." : "The chain is broken.");
    }

    private static bool Hold(ManualResetEventSlim parked, ManualResetEventSlim collected)
    {
        for (int i = 0; i < 1000; i++)
            GC.KeepAlive(new byte[100]); // rubbish before ours, so that there is room to move to
        Link chain = new(1, new(2, new(3, null))); // only this frame knows it
        nint before = AddressOf(chain);
        parked.Set();
        collected.Wait(); // parks
        nint after = AddressOf(chain);
        Console.WriteLine($"  before the collection, the chain is at 0x{before:x}");
        Console.WriteLine($"  after it,              the chain is at 0x{after:x}{(after == before ? " (it did not have to move this time)" : "")}");
        bool whole = chain is { Number: 1, Next: { Number: 2, Next: { Number: 3, Next: null } } };
        Console.WriteLine($"  and reads 1, 2, 3: {(whole ? "yes" : "no")}");
        return whole;
    }

    // Safe because the address is only printed, never followed: it may be out of date at once.
    private static unsafe nint AddressOf(object o) => *(nint*)Unsafe.AsPointer(ref o);
}
