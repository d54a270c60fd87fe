using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

/// <summary>A recorded run is a valid trace, and says what happened.</summary>
public sealed class Timelines : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fibers-timeline-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_thousand_fibers_with_sockets_and_locks_make_a_valid_trace(int carriers) => Bounded.Run(() =>
    {
        long switches = 0;
        int collections = GC.CollectionCount(0);
        TraceFile trace = Record(carriers, runtime =>
        {
            RunAThousand(runtime);
            Eventually.True(() => runtime.Statistics.Live == 0, "every fiber has ended");
            switches = runtime.Statistics.Switches;
        });
        trace.Dropped.ShouldBe(0);
        trace.Runs.LongCount().ShouldBe(switches, "every switch is a run");
        trace.Runs.Select(static run => run.Fiber).Distinct().Count().ShouldBe(1001, "a thousand and the main one");
        foreach (IGrouping<int, TraceEvent> row in trace.Events.Where(static e => e.Phase == "X").GroupBy(static e => e.Row))
            TraceFile.ShouldNotOverlap(row, $"row {row.Key}");
        foreach (IGrouping<long, TraceEvent> fiber in trace.Runs.GroupBy(static run => run.Fiber))
        {
            TraceFile.ShouldNotOverlap(fiber, $"fiber {fiber.Key}");
            fiber.OrderBy(static run => run.Begin).Select(static run => run.Then == "ended").ShouldBe([.. Enumerable.Repeat(false, fiber.Count() - 1), true]);
        }

        trace.Runs.Select(static run => run.Row).Distinct().Count().ShouldBeGreaterThanOrEqualTo(Math.Min(carriers, 2));
        trace.Events.Count(static e => e.Category == "collection" && e.Name.StartsWith("collection of", StringComparison.Ordinal)).ShouldBeInRange(1, GC.CollectionCount(0) - collections);
        trace.Runs.ShouldContain(static run => run.Then.StartsWith("read fd ", StringComparison.Ordinal));
        trace.Runs.ShouldContain(static run => run.Woken.StartsWith("ready by ", StringComparison.Ordinal));
    });

    [Fact]
    public void It_says_why_a_fiber_left_and_who_woke_it() => Bounded.Run(() =>
    {
        using var pair = new LoopbackPair();
        object gate = new();
        using var entered = new ManualResetEventSlim();
        TraceFile trace = Record(1, runtime => runtime.Run(() =>
        {
            using Fiber reader = Fiber.SpawnConcurrent(() => pair.Near.Receive(new byte[1]), new FiberOptions { Name = "reader" });
            using Fiber sleeper = Fiber.SpawnConcurrent(static () => Fiber.Sleep(TimeSpan.FromMilliseconds(1)), new FiberOptions { Name = "sleeper" });
            var channel = new FiberChannel<int>(capacity: 1);
            using Fiber receiver = Fiber.SpawnConcurrent(() => channel.Receive(), new FiberOptions { Name = "receiver" });
            Fiber locker;
            lock (gate)
            {
                locker = Fiber.SpawnConcurrent(() => { lock (gate) { } }, new FiberOptions { Name = "locker" });
                Eventually.True(() => FiberState.IsParked(locker) && FiberState.IsParked(receiver) && FiberState.IsParked(reader), "they wait");
            }

            channel.Send(1);
            pair.Far.Send([1]);
            foreach (Fiber fiber in (Fiber[])[reader, sleeper, receiver, locker])
                fiber.Join();
        }));
        Fates(trace, "reader").ShouldContain($"read fd {pair.Near.Handle}");
        Fates(trace, "sleeper").ShouldContain("sleep");
        Fates(trace, "receiver").ShouldContain("channel");
        Fates(trace, "locker").ShouldContain("lock or event");
        Fates(trace, "main").ShouldContain("join");
        RunsOf(trace, "receiver").Select(static run => run.Woken).ShouldContain(static woken => woken.StartsWith("unparked by main", StringComparison.Ordinal));
        RunsOf(trace, "reader").Select(static run => run.Woken).ShouldContain(static woken => FoundBy("ready", woken));
        RunsOf(trace, "sleeper").Select(static run => run.Woken).ShouldContain(static woken => FoundBy("timeout", woken));
        RunsOf(trace, "receiver").First().Woken.ShouldStartWith("spawned by main");
        TraceEvent woken = RunsOf(trace, "receiver").Single(static run => run.Woken.StartsWith("unparked", StringComparison.Ordinal));
        (TraceEvent start, _) = trace.Flows.Single(flow => flow.End.Row == woken.Row && flow.End.Begin == woken.Begin);
        RunsOf(trace, "main").ShouldContain(run => run.Row == start.Row && run.Begin <= start.Begin && start.Begin <= run.End, "the arrow leaves a run of the fiber that sent");
    });

    [Fact]
    public void A_fiber_that_computes_gets_a_spare_carrier_beside_it_and_both_are_shown() => Bounded.Run(() =>
    {
        TraceFile trace = Record(1, static runtime =>
        {
            bool ran = false;
            Fiber busy = runtime.SpawnConcurrent(() =>
            {
                while (!Volatile.Read(ref ran))
                    Thread.SpinWait(100);
            });
            runtime.SpawnConcurrent(() => Volatile.Write(ref ran, true)).Join();
            busy.Join();
        });
        trace.Events.ShouldContain(static e => e.Name == "spare carrier starts");
        trace.Runs.Select(static run => run.Row).Distinct().Count().ShouldBeGreaterThanOrEqualTo(2);
    });

    [Theory]
    [InlineData(FiberBackend.Threads)]
    [InlineData(FiberBackend.Inline)]
    public void Where_there_are_no_carriers_the_trace_is_valid_and_has_no_runs(FiberBackend backend) => Bounded.Run(() =>
    {
        string file = Path.Combine(_folder, "trace.json");
        using (FiberRuntime runtime = Runtimes.Start(new FiberRuntimeOptions { Backend = backend, Timeline = file }))
            runtime.Run(static () => Fiber.Spawn(static () => { }).Join());
        new TraceFile(File.ReadAllText(file)).Runs.ShouldBeEmpty();
    });

    [Fact]
    public void A_file_that_cannot_be_written_is_refused_at_once() =>
        Should.Throw<IOException>(() => new FiberRuntime(new FiberRuntimeOptions { Timeline = Path.Combine(_folder, "no such folder", "trace.json") }));

    [Fact]
    public void An_empty_name_is_refused() =>
        Should.Throw<ArgumentException>(static () => new FiberRuntime(new FiberRuntimeOptions { Timeline = "" })).ParamName.ShouldBe(nameof(FiberRuntimeOptions.Timeline));

    [Fact]
    public void The_oldest_entries_give_way_when_there_is_no_room() => Bounded.Run(() =>
    {
        const int turns = 140_000; // each is an entry, and a row keeps 131,072
        TraceFile trace = Record(1, static runtime => runtime.Run(static () =>
        {
            for (int turn = 0; turn < turns; turn++)
                Fiber.Yield();
        }));
        trace.Dropped.ShouldBeGreaterThan(0);
        trace.Runs.MaxBy(static run => run.Begin)!.Then.ShouldBe("ended");
    });

    private TraceFile Record(int carriers, Action<FiberRuntime> body)
    {
        string file = Path.Combine(_folder, "trace.json");
        using (FiberRuntime runtime = Runtimes.Start(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = carriers, Timeline = file }))
            body(runtime);
        return new TraceFile(File.ReadAllText(file));
    }

    private static void RunAThousand(FiberRuntime runtime) => runtime.Run(static () =>
    {
        const int pairs = 100;
        object gate = new();
        int counted = 0;
        LoopbackPair[] sockets = [.. Enumerable.Range(0, pairs).Select(static _ => new LoopbackPair())];
        Fiber[] fibers = [.. Enumerable.Range(0, 1000).Select(i => Fiber.SpawnConcurrent(() =>
        {
            if (i < pairs)
                sockets[i].Near.Receive(new byte[1]);
            Fiber.Yield();
            lock (gate)
                counted++;
            if (i >= pairs && i < 2 * pairs)
                sockets[i - pairs].Far.Send([1]);
            if (i == 500)
                GC.Collect();
            Fiber.Sleep(TimeSpan.FromMilliseconds(i % 4));
        }))];
        foreach (Fiber fiber in fibers)
            fiber.Join();
        foreach (LoopbackPair pair in sockets)
            pair.Dispose();
        counted.ShouldBe(1000);
    });

    private static IEnumerable<TraceEvent> RunsOf(TraceFile trace, string name) => trace.Runs.Where(run => run.Name.StartsWith(name, StringComparison.Ordinal)).OrderBy(static run => run.Begin);

    // On a busy machine a spare carrier may be the one that looks.
    private static bool FoundBy(string wake, string woken) => woken == $"{wake} by carrier 0" || woken.StartsWith($"{wake} by spare carrier ", StringComparison.Ordinal);

    private static IEnumerable<string> Fates(TraceFile trace, string name) => RunsOf(trace, name).Select(static run => run.Then);
}
