using System.Runtime.InteropServices;
using Fibers.Benchmarks.Harness;
using Fibers.Native;

namespace Fibers.Benchmarks.Micro;

/// <summary>From C# into a virtual thread and back, no scheduler: two P/Invokes (fibers_run and fibers_leave) and two switches.</summary>
internal sealed unsafe partial class ManagedSwitch : Question
{
    private const uint YieldRequest = 1;
    private static volatile bool s_stop;

    public override string Name => "switch";
    public override string Asks => "Switch there and back, from C#, with both P/Invokes";
    public override string Unit => "ns";
    public override bool InQuick => true;

    public override Contest Prepare(Effort effort)
    {
        _ = Runtimes.With(1); // starts the shim
        int times = effort.Times(3_000_000);
        long before = 0;
        return new Contest([
            new Contender("fibers", () => Measure(times, ref before), () => new FiberUse(FiberBackend.Native, before)),
            new Contender("both P/Invokes, without a switch", () => MeasureCrossings(times)),
            new Contender("kernel threads (two SemaphoreSlim)", () => MeasureThreads(Math.Max(4, times / 100))),
        ]);
    }

    private static Figure Measure(int times, ref long switches)
    {
        Figure result = default;
        var thread = new Thread(() => result = OnCarrier(times));
        thread.Start();
        thread.Join();
        switches += times;
        return result;
    }

    private static Figure OnCarrier(int times)
    {
        NativeInbox* inbox = Shim.fibers_inbox_create();
        void* stacks = Shim.fibers_stacks_create(1024 * 1024);
        NativeCarrier* carrier = Shim.fibers_carrier_attach(inbox);
        NativeVThread* created;
        s_stop = false;
        int error = Shim.fibers_vthread_create(stacks, inbox, &Body, null, &created);
        NativeVThread* thread = created;
        if (error != 0 || carrier == null)
            throw new InvalidOperationException($"No virtual thread: error {error}.");
        Shim.fibers_run(thread);
        Figure figure = Timed.PerOperation(times, () => Timed.InParts(times, part =>
        {
            for (int i = 0; i < part; i++)
                Shim.fibers_run(thread);
        }));
        s_stop = true;
        error = Shim.fibers_vthread_destroy(thread);
        if (error != 0)
            throw new InvalidOperationException($"A virtual thread could not be ended: error {error}.");
        Shim.fibers_carrier_detach();
        Shim.fibers_stacks_destroy(stacks);
        Shim.fibers_inbox_destroy(inbox);
        return figure;
    }

    [UnmanagedCallersOnly]
    private static void Body(NativeVThread* self)
    {
        Shim.fibers_vthread_detach(self);
        while (!s_stop)
            Shim.fibers_leave(self, YieldRequest);
    }

    [LibraryImport(Shim.Library, EntryPoint = "fibers_vthread_current")]
    private static partial void* Cross();

    // What leaving managed code and coming back costs by itself, for a function that does next to nothing.
    private static Figure MeasureCrossings(int times) => Timed.PerOperation(times, () => Timed.InParts(times, static part =>
    {
        for (int i = 0; i < part; i++)
        {
            _ = Cross();
            _ = Cross();
        }
    }));

    private static Figure MeasureThreads(int times)
    {
        using var there = new SemaphoreSlim(0);
        using var back = new SemaphoreSlim(0);
        var other = new Thread(() =>
        {
            for (int i = 0; i < times; i++)
            {
                there.Wait();
                back.Release();
            }
        });
        other.Start();
        Figure figure = Timed.PerOperation(times, () =>
        {
            for (int i = 0; i < times; i++)
            {
                there.Release();
                back.Wait();
            }
        });
        other.Join();
        return figure;
    }
}
