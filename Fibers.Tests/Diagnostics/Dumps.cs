using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fibers.Diagnostics.Dumps;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class Dumps
{
    private const int FibersPerWait = 120; // of seventeen waits

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_thousand_fibers_in_a_dozen_waits_are_each_described_rightly_and_not_disturbed(bool collect) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using var waits = new ManyWaits(runtime, FibersPerWait);
        using var collector = new Collector(collect);
        waits.Arranged.Count.ShouldBeGreaterThanOrEqualTo(2_000);
        long switches = runtime.Statistics.Switches;

        RuntimeSnapshot snapshot = SnapshotGatherer.Gather(runtime);

        Dictionary<long, FiberSnapshot> found = snapshot.Fibers.ToDictionary(static fiber => fiber.Id);
        foreach ((Fiber fiber, string reason, string method) in waits.Arranged)
        {
            FiberSnapshot seen = found[fiber.Id];
            seen.State.ShouldBe("parked");
            seen.Wait!.Text.ShouldStartWith(reason);
            seen.Stack.Missing.ShouldBeNull();
            TopOf(seen.Stack).ShouldBe(method);
        }

        runtime.Statistics.Switches.ShouldBe(switches, "nobody has moved");
        waits.Arranged.ShouldAllBe(static one => FiberState.IsParked(one.Fiber));
    });

    [Fact]
    public void A_dump_of_two_thousand_fibers_takes_less_than_two_seconds() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using var waits = new ManyWaits(runtime, FibersPerWait);
        TimeSpan[] taken = [.. Enumerable.Range(0, 3).Select(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            runtime.Dump(TextWriter.Null);
            return Stopwatch.GetElapsedTime(start);
        })];
        TestContext.Current.TestOutputHelper?.WriteLine($"{waits.Arranged.Count} fibers: {string.Join(", ", taken)}");
        taken.Min().ShouldBeLessThan(TimeSpan.FromSeconds(2)); // the issue's bound; a fifth of it is usual on a busy machine
    });

    [Fact]
    public void Text_and_JSON_say_the_same() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using var waits = new ManyWaits(runtime, 3);
        RuntimeSnapshot snapshot = SnapshotGatherer.Gather(runtime);
        var text = new StringWriter();
        new TextDump(text).Write(snapshot);
        using var json = new MemoryStream();
        JsonDump.Write(json, snapshot);

        JsonElement[] fibers = [.. JsonDocument.Parse(json.ToArray()).RootElement.GetProperty("fibers").EnumerateArray()];
        fibers.Length.ShouldBe(snapshot.Fibers.Count);
        string[] lines = text.ToString().Split(Environment.NewLine);
        foreach (JsonElement fiber in fibers)
        {
            int line = Array.FindIndex(lines, one => one.StartsWith($"fiber {fiber.GetProperty("id")}", StringComparison.Ordinal) && one.Contains($": {fiber.GetProperty("state")}"));
            line.ShouldBeGreaterThan(0, fiber.ToString());
            lines[line].ShouldContain(fiber.GetProperty("wait").GetProperty("text").GetString()!);
            string[] frames = [.. lines.Skip(line).SkipWhile(static one => one.StartsWith("fiber ", StringComparison.Ordinal)).TakeWhile(static one => one.StartsWith("    at ", StringComparison.Ordinal)).Select(static one => one[7..])];
            frames.ShouldBe(fiber.GetProperty("stack").GetProperty("frames").EnumerateArray().Select(static frame => frame.GetString()!));
        }
    });

    [Fact]
    public void A_dump_names_parents_groups_carriers_and_fibers_that_run() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var go = new ManualResetEventSlim();
        Fiber? child = null;
        bool stop = false;
        Fiber parent = runtime.SpawnConcurrent(() =>
        {
            using var group = new FiberGroup("team");
            child = group.SpawnConcurrent(() =>
            {
                while (!Volatile.Read(ref stop))
                    Thread.SpinWait(100);
            }, new FiberOptions { Name = "child" });
            group.Join();
        }, new FiberOptions { Name = "parent" });
        Eventually.True(() => child?.Status == FiberStatus.Running && FiberState.IsParked(parent), "the child runs and the parent waits");

        RuntimeSnapshot snapshot = SnapshotGatherer.Gather(runtime);
        Volatile.Write(ref stop, true);
        parent.Join();
        FiberSnapshot running = snapshot.Fibers.Single(fiber => fiber.Id == child!.Id);
        running.State.ShouldBe("running");
        running.Carrier.ShouldBe(0);
        running.Stack.Missing.ShouldBe("it runs on carrier 0");
        running.ParentId.ShouldBe(parent.Id);
        running.ParentName.ShouldBe("parent");
        running.Group.ShouldBe("FiberGroup \"team\"");
        snapshot.Carriers[0].Fiber.ShouldBe(child!.Id);
        snapshot.Fibers.Single(fiber => fiber.Id == parent.Id).Wait!.On.Single().Fiber.ShouldBe(child.Id);
    });

    [Fact]
    public void The_JSON_is_the_one_that_reflection_would_write()
    {
        var stack = new StackSnapshot(["Baker.Bake()"], null);
        var other = new PartySnapshot(null, 5, null) { Waits = "for a fiber", Stack = StackSnapshot.None("it runs") };
        var snapshot = new RuntimeSnapshot
        {
            Id = 1,
            Backend = FiberBackend.Native,
            FallbackReason = null,
            Statistics = new FiberStatistics { Spawned = 2, InlineForLimit = 1, BlockingCallSites = [new("flock, called by Baker.Bake()", 3)] },
            Scheduler = new SchedulerSnapshot(1, 0, 1, 250, null, 4),
            Carriers = [new CarrierSnapshot(0, false, "Polling", null, 0, 7, null)],
            Fibers =
            [
                new FiberSnapshot
                {
                    Id = 9, Name = "Bäcker <\"1\">", State = "parked", ForSeconds = 0.5, ParentId = null, ParentName = null, Group = null, Stack = stack,
                    Wait = new WaitSnapshot("Lock", "waiting for a Lock") { Descriptor = 3, Stamp = 4, On = [other with { Handle = Fiber.Current }] },
                },
            ],
            Omitted = 0,
            Cycles = [[new PartySnapshot(9, null, "baker"), other]],
            NotInspected = null,
        };
        using var json = new MemoryStream();
        JsonDump.Write(json, snapshot);
        var reflection = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            Converters = { new JsonStringEnumConverter() },
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = true,
        };
        Encoding.UTF8.GetString(json.ToArray()).ShouldBe(JsonSerializer.Serialize(snapshot, reflection));
    }

    // The first frame that is not of .NET, without its type and parameters.
    private static string TopOf(StackSnapshot stack)
    {
        string frame = stack.Frames.First(static frame => !frame.StartsWith("System.", StringComparison.Ordinal) && !frame.StartsWith("Interop.", StringComparison.Ordinal));
        return frame[..frame.IndexOf('(')].Split('.')[^1];
    }

    private sealed class Collector : IDisposable
    {
        private readonly Thread? _thread;
        private volatile bool _stop;

        public Collector(bool collects)
        {
            if (!collects)
                return;
            _thread = new Thread(() =>
            {
                for (int i = 0; !_stop; i++)
                {
                    GC.Collect(i % 3, GCCollectionMode.Forced, blocking: true, compacting: true);
                    Thread.Sleep(1); // back to back they leave no other thread a turn, and a dump takes some thousand
                }
            })
            { IsBackground = true };
            _thread.Start();
        }

        public void Dispose()
        {
            _stop = true;
            _thread?.Join();
        }
    }
}
