using Fibers.Diagnostics;
using Fibers.Parking;
using Fibers.Tests.Support;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class Metrics
{
    [Fact]
    public void OpenTelemetry_collects_what_the_statistics_say_to_the_unit() => Bounded.Run(() =>
    {
        var exporter = new InMemory();
        using FiberRuntime runtime = Runtimes.Native(4, maxFibers: 120);
        using MeterProvider provider = Sdk.CreateMeterProviderBuilder().AddMeter("Fibers").AddReader(new BaseExportingMetricReader(exporter)).Build();
        FiberMeter.Follow(); // as the watchdog does every few milliseconds
        MixedRun.On(runtime);
        Eventually.True(() => runtime.Statistics.SpareCarriers == 0, "the spares have retired");
        FiberStatistics statistics = runtime.Statistics;
        provider.ForceFlush().ShouldBeTrue();

        exporter.Sum("fibers.spawned", runtime).ShouldBe(statistics.Spawned);
        exporter.Sum("fibers.ended", runtime).ShouldBe(statistics.Ended);
        exporter.Sum("fibers.live", runtime).ShouldBe(0);
        exporter.Sum("fibers.inline_runs", runtime).ShouldBe(statistics.InlineRuns);
        exporter.Sum("fibers.steals", runtime).ShouldBe(statistics.Steals);
        exporter.Sum("fibers.switches", runtime).ShouldBe(statistics.Switches);
        exporter.Sum("fibers.carriers", runtime).ShouldBe(statistics.Carriers);
        exporter.Sum("fibers.carriers.spare", runtime).ShouldBe(0);
        exporter.Sum("fibers.native_wakes", runtime).ShouldBe(statistics.NativeWakes);
        if (statistics.BlockingCalls > 0) // a crowded machine makes some
            exporter.Sum("fibers.blocking_calls", runtime).ShouldBe(statistics.BlockingCalls);
        if (statistics.Rescued == 0)
            exporter.Count("fibers.run_queue.wait", runtime).ShouldBe(statistics.Switches);
    });

    [Fact]
    public void Parked_fibers_are_counted_by_reason() => Bounded.Run(() =>
    {
        var exporter = new InMemory();
        using FiberRuntime runtime = Runtimes.Native(2);
        using MeterProvider provider = Sdk.CreateMeterProviderBuilder().AddMeter("Fibers").AddReader(new BaseExportingMetricReader(exporter)).Build();
        var channel = new FiberChannel<int>();
        using var gate = new ManualResetEvent(false);
        Fiber[] fibers =
        [
            .. Enumerable.Range(0, 3).Select(_ => runtime.SpawnConcurrent(() => { channel.Receive(out int _); })),
            .. Enumerable.Range(0, 2).Select(_ => runtime.SpawnConcurrent(() => { gate.WaitOne(); })),
        ];
        Eventually.True(() => fibers.All(FiberState.IsParked), "all are parked");
        provider.ForceFlush().ShouldBeTrue();
        exporter.Sum("fibers.parked", runtime, nameof(ParkReason.Channel)).ShouldBe(3);
        exporter.Sum("fibers.parked", runtime, nameof(ParkReason.RuntimeWait)).ShouldBe(2);
        channel.Close();
        gate.Set();
        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    [Fact]
    public void The_histogram_is_fed_only_while_somebody_listens() => Bounded.Run(() =>
    {
        FiberMeter.Follow();
        Probe.Current.ShouldBeNull();
        using (Sdk.CreateMeterProviderBuilder().AddMeter("Fibers").AddReader(new BaseExportingMetricReader(new InMemory())).Build())
        {
            FiberMeter.Follow();
            Probe.Current.ShouldNotBeNull();
        }

        FiberMeter.Follow();
        Probe.Current.ShouldBeNull();
    });

    // Its points are only valid during Export: copies of what the tests ask for.
    private sealed class InMemory : BaseExporter<Metric>
    {
        private readonly List<(string Name, Dictionary<string, string> Tags, long Value)> _points = [];

        public long Sum(string name, FiberRuntime runtime, string? reason = null) => Count(name, runtime, reason);

        public long Count(string name, FiberRuntime runtime, string? reason = null)
        {
            _points.ShouldContain(point => point.Name == name);
            return _points.Where(point => point.Name == name && point.Tags["runtime"] == $"{runtime.Id}" && (reason is null || point.Tags["reason"] == reason)).Sum(static point => point.Value);
        }

        public override ExportResult Export(in Batch<Metric> batch)
        {
            _points.Clear();
            foreach (Metric metric in batch)
                foreach (ref readonly MetricPoint point in metric.GetMetricPoints())
                    _points.Add((metric.Name, Tags(in point), Value(metric, in point)));
            return ExportResult.Success;
        }

        private static Dictionary<string, string> Tags(in MetricPoint point)
        {
            var tags = new Dictionary<string, string>();
            foreach (KeyValuePair<string, object?> tag in point.Tags)
                tags[tag.Key] = $"{tag.Value}";
            return tags;
        }

        private static long Value(Metric metric, in MetricPoint point) => metric.MetricType switch
        {
            MetricType.Histogram => point.GetHistogramCount(),
            MetricType.DoubleSum or MetricType.DoubleGauge or MetricType.DoubleSumNonMonotonic => 0,
            _ => point.GetSumLong(),
        };
    }
}
