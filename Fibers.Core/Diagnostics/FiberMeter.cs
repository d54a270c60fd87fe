using System.Diagnostics.Metrics;
using Fibers.Parking;

namespace Fibers.Diagnostics;

/// <summary>The meter "Fibers". All but one of its instruments are read from <see cref="FiberRuntime.Statistics"/> when somebody collects; the histogram is fed only while listened to.</summary>
internal static class FiberMeter
{
    private static readonly Meter s_meter = new("Fibers", typeof(FiberMeter).Assembly.GetName().Version?.ToString());
    private static readonly Histogram<double> s_queueWait = s_meter.CreateHistogram<double>("fibers.run_queue.wait", "s", "How long fibers that can run wait for a carrier");
    private static readonly Lock s_lock = new();
    private static QueueWaitProbe? s_probe;

    static FiberMeter()
    {
        UpDown("fibers.live", "{fiber}", "Fibers that are queued, running or parked", static statistics => statistics.Live);
        UpDown("fibers.carriers", "{thread}", "Kernel threads that run fibers, spares included", static statistics => statistics.Carriers);
        UpDown("fibers.carriers.spare", "{thread}", "Spare carriers that run now", static statistics => statistics.SpareCarriers);
        UpDown("fibers.virtual_threads.idle", "{thread}", "Virtual threads that wait for a fiber", static statistics => statistics.VirtualThreadsIdle);
        Count("fibers.spawned", "{fiber}", "Fibers spawned, inline ones included", static statistics => statistics.Spawned);
        Count("fibers.ended", "{fiber}", "Fibers that have ended", static statistics => statistics.Ended);
        Count("fibers.switches", "{switch}", "Times a carrier switched into a fiber", static statistics => statistics.Switches);
        Count("fibers.steals", "{steal}", "Times a carrier took fibers from another", static statistics => statistics.Steals);
        Count("fibers.native_wakes", "{wake}", "Fibers woken by native code", static statistics => statistics.NativeWakes);
        Count("fibers.carriers.spare.started", "{thread}", "Spare carriers started because one was stuck in a fiber", static statistics => statistics.SparesStarted);
        Count("fibers.rescued", "{run}", "Times the rescue carrier ran a fiber because every carrier was stuck", static statistics => statistics.Rescued);
        Count("fibers.unobserved", "{exception}", "Exceptions that nobody joined", static statistics => statistics.Unobserved);
        s_meter.CreateObservableCounter("fibers.inline_runs", static () => LiveRuntimes.Snapshot().SelectMany(InlineRuns), "{run}", "Bodies that ran on whoever spawned or joined their fiber");
        s_meter.CreateObservableCounter("fibers.blocking_calls", static () => LiveRuntimes.Snapshot().SelectMany(BlockingCalls), "{call}", "Calls that blocked a carrier because nothing redirects them, by call site");
        s_meter.CreateObservableUpDownCounter("fibers.parked", static () => LiveRuntimes.Snapshot().SelectMany(Parked), "{fiber}", "Fibers that are parked, by reason");
        s_meter.CreateObservableCounter("fibers.gc.pause.total", static () => GC.GetTotalPauseDuration().TotalSeconds, "s", "Time the process has stood still for collections: each parked fiber is a stack to scan");
        s_meter.CreateObservableGauge("fibers.gc.pause.last", static () => GC.GetGCMemoryInfo(GCKind.Any).PauseDurations is [var last, ..] ? last.TotalSeconds : 0, "s", "How long the last collection stopped the process");
    }

    /// <summary>Any thread; cheap. Looks whether anybody listens to the histogram: nothing tells us.</summary>
    public static void Follow()
    {
        if (s_queueWait.Enabled == Volatile.Read(ref s_probe) is not null)
            return;
        lock (s_lock)
        {
            if (s_queueWait.Enabled == s_probe is not null)
                return;
            if (s_probe is null)
            {
                var probe = new QueueWaitProbe(static (seconds, fiber) => s_queueWait.Record(seconds, Tag(fiber.Runtime)));
                Probe.Attach(probe);
                s_probe = probe;
            }
            else
            {
                Probe.Detach(s_probe);
                s_probe = null;
            }
        }
    }

    private static void Count(string name, string unit, string description, Func<FiberStatistics, long> read) =>
        s_meter.CreateObservableCounter(name, () => Measure(read), unit, description);

    private static void UpDown(string name, string unit, string description, Func<FiberStatistics, long> read) =>
        s_meter.CreateObservableUpDownCounter(name, () => Measure(read), unit, description);

    private static IEnumerable<Measurement<long>> Measure(Func<FiberStatistics, long> read) =>
        LiveRuntimes.Snapshot().Select(runtime => new Measurement<long>(read(runtime.Statistics), Tag(runtime)));

    private static IEnumerable<Measurement<long>> InlineRuns(FiberRuntime runtime)
    {
        FiberStatistics statistics = runtime.Statistics;
        yield return Because("limit", statistics.InlineForLimit);
        yield return Because("resources", statistics.InlineForResources);
        yield return Because("join", statistics.InlineForJoin);
        yield return Because("backend", statistics.InlineForBackend);
        Measurement<long> Because(string reason, long count) => new(count, Tag(runtime), new KeyValuePair<string, object?>("reason", reason));
    }

    private static IEnumerable<Measurement<long>> BlockingCalls(FiberRuntime runtime) =>
        runtime.Statistics.BlockingCallSites.Select(site => new Measurement<long>(site.Value, Tag(runtime), new KeyValuePair<string, object?>("site", site.Key)));

    private static IEnumerable<Measurement<long>> Parked(FiberRuntime runtime)
    {
        var counts = new long[Enum.GetValues<ParkReason>().Length];
        foreach (Fiber fiber in runtime.Registry.Snapshot())
            if (fiber.VirtualThread is { IsParked: true } thread)
                counts[(int)thread.ParkedReason]++;
        for (int reason = 0; reason < counts.Length; reason++)
            if (counts[reason] > 0)
                yield return new Measurement<long>(counts[reason], Tag(runtime), new KeyValuePair<string, object?>("reason", ((ParkReason)reason).ToString()));
    }

    private static KeyValuePair<string, object?> Tag(FiberRuntime runtime) => new("runtime", runtime.Id);
}
