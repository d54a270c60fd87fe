using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;
using Fibers.Benchmarks.Harness;
using Fibers.Diagnostics;

namespace Fibers.Benchmarks.Micro;

/// <summary>What it costs to be observable. A yield passes one call site of the probe; the same loop once more is the noise, and the bare looks are what nobody listening costs.</summary>
internal sealed class Observing : Question
{
    private const int Yielders = 2;
    private const int LooksPerYield = 1; // the one that decides whether anybody must be told

    public override string Name => "observing";
    public override string Asks => "Yield between two, observed";
    public override string Unit => "ns per yield";

    public override Contest Prepare(Effort effort)
    {
        int each = effort.Times(1_000_000);
        FiberRuntime one = Runtimes.With(1);
        return new Contest([
            new Contender("nobody listens", () => Yield(one, each), () => FiberUse.Of(one)),
            new Contender("nobody listens, once more", () => Yield(one, each), () => FiberUse.Of(one)),
            new Contender("the looks at the probe alone", () => Timed.PerOperation(each, () => Look(each * LooksPerYield))),
            new Contender("the histogram is listened to", () => YieldWhile(HistogramListener, one, each), () => FiberUse.Of(one)),
            new Contender("the events are listened to", () => YieldWhile(static () => new EventsListener(), one, each), () => FiberUse.Of(one)),
        ]);
    }

    private static Figure YieldWhile(Func<IDisposable> listen, FiberRuntime runtime, int each)
    {
        using (listen())
        {
            FiberMeter.Follow();
            if (Probe.Current is null)
                throw new InvalidOperationException("Nobody listens.");
            return Yield(runtime, each);
        }
    }

    private static Figure Yield(FiberRuntime runtime, int each)
    {
        FiberMeter.Follow();
        return runtime.Run(() => Timed.PerOperation((long)each * Yielders, () =>
        {
            var fibers = new Fiber[Yielders];
            for (int i = 0; i < Yielders; i++)
            {
                fibers[i] = Fiber.Spawn(() =>
                {
                    for (int turn = 0; turn < each; turn++)
                        Fiber.Yield();
                });
            }

            foreach (Fiber fiber in fibers)
                fiber.Join();
        }));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Look(long times)
    {
        for (long i = 0; i < times; i++)
            Probe.Current?.Ended(null!);
    }

    private static MeterListener HistogramListener()
    {
        var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, self) =>
        {
            if (instrument.Meter.Name == "Fibers")
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.Start();
        return listener;
    }

    private sealed class EventsListener : EventListener
    {
        protected override void OnEventSourceCreated(EventSource source)
        {
            if (source.Name == "Fibers")
                EnableEvents(source, EventLevel.Verbose);
        }
    }
}
