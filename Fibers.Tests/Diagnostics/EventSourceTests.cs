using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class EventSourceTests
{
    [Fact]
    public void The_events_agree_with_the_statistics_to_the_unit() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(4, maxFibers: 120);
        using var listener = new Listener();
        MixedRun.On(runtime);
        FiberStatistics statistics = runtime.Statistics;
        listener.Count("FiberSpawned").ShouldBe(statistics.Spawned);
        listener.Count("FiberStarted").ShouldBe(statistics.Spawned);
        listener.Count("FiberEnded").ShouldBe(statistics.Ended);
        listener.Count("FiberRanInline").ShouldBe(statistics.InlineRuns);
        listener.Count("CarrierStole").ShouldBe(statistics.Steals);
        listener.Count("SpareStarted").ShouldBe(statistics.SparesStarted);
        if (statistics.Rescued == 0)
            listener.Count("FiberWoken").ShouldBe(listener.Count("FiberParked"));
    });

    [Fact]
    public void A_call_that_blocks_its_carrier_is_a_pin_event() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var listener = new Listener();
        using var done = new ManualResetEventSlim();
        Fiber blocked = runtime.SpawnConcurrent(() => BlockUntil(done));
        Eventually.True(() => listener.Count("FiberPinned") > 0, "the watchdog has seen it");
        done.Set();
        blocked.Join();
        listener.Count("FiberPinned").ShouldBe(1, "it is one run");
        runtime.Statistics.BlockingCalls.ShouldBe(1);
        (string site, long count) = runtime.Statistics.BlockingCallSites.ShouldHaveSingleItem();
        count.ShouldBe(1);
        site.ShouldContain("nanosleep");
        site.ShouldContain($"{nameof(EventSourceTests)}.{nameof(BlockUntil)}(");
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void BlockUntil(ManualResetEventSlim done)
    {
        while (!done.IsSet)
            Fibers.Native.Shim.fibers_block_kernel_thread(1_000_000_000); // long: nobody is told who called, if the call returns while the stack is read
    }

    [Fact]
    public void Nobody_hears_anything_when_the_listener_has_gone() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        new Listener().Dispose();
        Fibers.Diagnostics.Probe.Current.ShouldBeNull();
    });

    private sealed class Listener : EventListener
    {
        private ConcurrentDictionary<string, int>? _counts;

        public long Count(string name) => _counts!.GetValueOrDefault(name);

        protected override void OnEventSourceCreated(EventSource source)
        {
            _counts ??= new ConcurrentDictionary<string, int>(); // called by the base's constructor
            if (source.Name == "Fibers")
                EnableEvents(source, EventLevel.Verbose);
        }

        protected override void OnEventWritten(EventWrittenEventArgs written) => _counts!.AddOrUpdate(written.EventName!, 1, static (_, count) => count + 1);
    }
}
