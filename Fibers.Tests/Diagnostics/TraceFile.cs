using System.Text.Json;
using Shouldly;

namespace Fibers.Tests.Diagnostics;

/// <summary>A trace, read and checked by the rules of the trace-event format.</summary>
internal sealed class TraceFile
{
    private static readonly string[] s_phases = ["X", "i", "s", "f", "M"];

    public TraceFile(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        document.RootElement.GetProperty("displayTimeUnit").GetString().ShouldBeOneOf("ms", "ns");
        Dropped = document.RootElement.GetProperty("otherData").GetProperty("entriesThereWasNoRoomFor").GetInt64();
        Events = [.. document.RootElement.GetProperty("traceEvents").EnumerateArray().Select(Read)];
        foreach (IGrouping<long, TraceEvent> flow in Events.Where(static e => e.Phase is "s" or "f").GroupBy(static e => e.Flow))
        {
            flow.Select(static e => e.Phase).Order().ToArray().ShouldBe((string[])["f", "s"], $"flow {flow.Key} begins and ends once");
            flow.Single(static e => e.Phase == "s").Begin.ShouldBeLessThanOrEqualTo(flow.Single(static e => e.Phase == "f").Begin);
        }

        RowNames = document.RootElement.GetProperty("traceEvents").EnumerateArray().Where(static e => e.GetProperty("name").GetString() == "thread_name")
            .ToDictionary(static e => e.GetProperty("tid").GetInt32(), static e => e.GetProperty("args").GetProperty("name").GetString()!);
        Events.Select(static e => e.Row).Distinct().ShouldBeSubsetOf(RowNames.Keys);
    }

    public long Dropped { get; }

    public TraceEvent[] Events { get; }

    public IReadOnlyDictionary<int, string> RowNames { get; }

    public IEnumerable<TraceEvent> Runs => Events.Where(static e => e is { Phase: "X", Category: "run" });

    public IEnumerable<(TraceEvent Start, TraceEvent End)> Flows => Events.Where(static e => e.Phase is "s" or "f").GroupBy(static e => e.Flow)
        .Select(static flow => (flow.Single(static e => e.Phase == "s"), flow.Single(static e => e.Phase == "f")));

    /// <summary>Two that touch do not overlap: one ends when the other begins.</summary>
    public static void ShouldNotOverlap(IEnumerable<TraceEvent> slices, string what)
    {
        TraceEvent? before = null;
        foreach (TraceEvent slice in slices.OrderBy(static slice => slice.Begin).ThenBy(static slice => slice.End))
        {
            if (before is not null)
                slice.Begin.ShouldBeGreaterThanOrEqualTo(before.End, $"{what}: {before} and {slice}");
            before = slice;
        }
    }

    private static TraceEvent Read(JsonElement e)
    {
        string phase = e.GetProperty("ph").GetString()!;
        phase.ShouldBeOneOf(s_phases);
        string name = e.GetProperty("name").GetString().ShouldNotBeNull();
        e.GetProperty("pid").GetInt32().ShouldBeGreaterThan(0);
        var read = new TraceEvent(phase, name, e.GetProperty("tid").GetInt32());
        if (phase == "M")
        {
            name.ShouldBeOneOf("thread_name", "thread_sort_index");
            e.GetProperty("args").EnumerateObject().Single().Name.ShouldBe(name == "thread_name" ? "name" : "sort_index");
            return read;
        }

        decimal ts = e.GetProperty("ts").GetDecimal();
        ts.ShouldBeGreaterThanOrEqualTo(0);
        read = read with { Category = e.GetProperty("cat").GetString()!, Begin = ts, End = ts };
        switch (phase)
        {
            case "X":
                decimal duration = e.GetProperty("dur").GetDecimal();
                duration.ShouldBeGreaterThanOrEqualTo(0);
                read = read with { End = ts + duration };
                JsonElement args = e.GetProperty("args");
                return read.Category != "run" ? read : read with { Fiber = args.GetProperty("fiber").GetInt64(), Woken = args.GetProperty("woken").GetString()!, Then = args.GetProperty("then").GetString()! };
            case "i":
                e.GetProperty("s").GetString().ShouldBeOneOf("t", "p", "g");
                return read;
            default:
                return read with { Flow = e.GetProperty("id").GetInt64() };
        }
    }
}

/// <summary>Times in microseconds, exact.</summary>
internal sealed record TraceEvent(string Phase, string Name, int Row, string Category = "", decimal Begin = 0, decimal End = 0, long Fiber = 0, string Woken = "", string Then = "", long Flow = 0);
