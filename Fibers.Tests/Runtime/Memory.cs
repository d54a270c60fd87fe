using System.Runtime.CompilerServices;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

public class Memory
{
    [Fact]
    public void Neither_a_thread_nor_a_virtual_thread_keeps_what_it_has_waited_for() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        WeakReference byThread = JoinOne(runtime), byFiber = runtime.Run(() => JoinOne(runtime));
        Eventually.True(() =>
        {
            runtime.Run(() => { }); // unoptimized code keeps the last fiber of each stack
            GC.Collect();
            return !byThread.IsAlive && !byFiber.IsAlive;
        }, "what was joined is collected");
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference JoinOne(FiberRuntime runtime) => new(runtime.Spawn(static () =>
    {
        Fiber.Sleep(TimeSpan.FromMilliseconds(1)); // so that there is something to wait for
        return new object();
    }).Join());

    private const int Parked = 20_000;
    private const long MaxBytesPerFiber = 20 * 1024;
    private const int MaxNewMappings = 400; // slabs, heap regions, arenas: none of them per fiber

    [Fact]
    public void Twenty_thousand_parked_fibers_take_little_and_give_it_back() => Bounded.Run(TimeSpan.FromSeconds(300), () =>
    {
        using (FiberRuntime warm = Runtimes.Native(2))
            ParkAndRelease(warm, 100, static () => { });
        int mappings = KernelView.Mappings(), threads = KernelView.Threads();
        long before = Settled(), whileParked = 0;
        using (FiberRuntime runtime = Runtimes.Native(2))
        {
            ParkAndRelease(runtime, Parked, () =>
            {
                whileParked = Settled();
                KernelView.Mappings().ShouldBeLessThan(mappings + MaxNewMappings);
                ((whileParked - before) / Parked).ShouldBeLessThanOrEqualTo(MaxBytesPerFiber);
            });
        }

        long after = Settled();
        (after - before).ShouldBeLessThan((whileParked - before) / 2, "most of the memory is returned");
        KernelView.Mappings().ShouldBeLessThan(mappings + MaxNewMappings);
        Eventually.True(() => KernelView.Threads() <= threads + 4, "the kernel threads are gone");
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_handle_of_a_fiber_that_has_ended_does_not_keep_its_body(bool canceledBeforeItBegan) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        Fiber? handle = null;
        WeakReference? captured = null;
        FiberStatus wanted = canceledBeforeItBegan ? FiberStatus.Canceled : FiberStatus.Succeeded;
        while (handle?.Status != wanted) // a spare carrier may be faster than the request
            runtime.Run(() => (handle, captured) = EndOne(canceledBeforeItBegan));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        captured!.IsAlive.ShouldBeFalse();
        GC.KeepAlive(handle);
    });

    private static (Fiber Handle, WeakReference Captured) EndOne(bool canceledBeforeItBegan)
    {
        object capture = new();
        Fiber fiber = Fiber.Spawn(() => GC.KeepAlive(capture));
        if (canceledBeforeItBegan)
            fiber.RequestCancel();
        Eventually.True(() => fiber.IsEnded, "it ends");
        return (fiber, new WeakReference(capture));
    }

    private static void ParkAndRelease(FiberRuntime runtime, int count, Action whileParked)
    {
        using var gate = new ManualResetEventSlim();
        int parked = 0;
        var fibers = new Fiber[count];
        for (int i = 0; i < count; i++)
            fibers[i] = runtime.SpawnConcurrent(() =>
            {
                Interlocked.Increment(ref parked);
                gate.Wait();
            });
        Eventually.True(() => Volatile.Read(ref parked) == count && fibers.All(FiberState.IsParked), "all fibers are parked");
        whileParked();
        gate.Set();
        foreach (Fiber fiber in fibers)
            fiber.Join();
    }

    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return KernelView.Resident();
    }
}
