using System.Buffers;
using System.Text.Json;

namespace Fibers.Diagnostics;

/// <summary>Entries as trace-event JSON: complete events for runs, idling and pauses, flow arrows from whoever woke a fiber, instants for the rest.</summary>
internal sealed class TimelineTrace
{
    private const int Collector = 10_000; // no carrier has these numbers
    private const int Elsewhere = 10_001;

    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _json;
    private readonly long _startNs;
    private readonly IReadOnlyDictionary<int, string> _names;
    private readonly List<TimelineEntry> _entries;
    private readonly TimelinePause[] _pauses;
    private readonly long _dropped;
    private readonly Dictionary<long, List<TimelineEntry>> _runs; // of each fiber, in order
    private readonly Dictionary<TimelineEntry, TimelineEntry> _wakers = []; // run: what made it possible

    public TimelineTrace(long startNs, IReadOnlyDictionary<int, string> names, List<TimelineEntry> entries, TimelinePause[] pauses, long dropped)
    {
        (_startNs, _names, _entries, _pauses, _dropped) = (startNs, names, entries, pauses, dropped);
        _json = new Utf8JsonWriter(_buffer);
        _entries.Sort(static (a, b) => a.BeginNs.CompareTo(b.BeginNs));
        _runs = _entries.Where(static entry => entry.Kind == TimelineKind.Run).GroupBy(static run => run.Fiber).ToDictionary(static group => group.Key, static group => group.ToList());
        foreach (TimelineEntry wake in _entries.Where(static entry => entry.Kind is TimelineKind.Woken or TimelineKind.Spawned))
        {
            if (RunAfter(wake) is { } run)
                _wakers[run] = wake;
        }
    }

    public byte[] Write()
    {
        _json.WriteStartObject();
        _json.WriteString("displayTimeUnit", "ns");
        _json.WriteStartObject("otherData");
        _json.WriteString("writtenBy", "Fibers");
        _json.WriteNumber("entriesThereWasNoRoomFor", _dropped);
        _json.WriteEndObject();
        _json.WriteStartArray("traceEvents");
        WriteRows();
        foreach (TimelineEntry entry in _entries)
            Write(entry);
        foreach (TimelinePause pause in _pauses)
            WriteSlice(pause.Generation < 0 ? "pause" : $"collection of generation {pause.Generation}", "collection", Collector, pause.BeginNs, pause.EndNs);
        int flow = 0;
        foreach ((TimelineEntry run, TimelineEntry wake) in _wakers)
            WriteFlow(++flow, wake, run);
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
        return _buffer.WrittenSpan.ToArray();
    }

    private void WriteRows()
    {
        WriteRow(Collector, "collections", -1);
        foreach ((int row, string name) in _names.OrderBy(static row => row.Key))
            WriteRow(row, name, row);
        WriteRow(Elsewhere, "other threads", Elsewhere);
    }

    private void WriteRow(int row, string name, int order)
    {
        Begin("M", "thread_name", row);
        _json.WriteStartObject("args");
        _json.WriteString("name", name);
        End();
        Begin("M", "thread_sort_index", row);
        _json.WriteStartObject("args");
        _json.WriteNumber("sort_index", order);
        End();
    }

    private void Write(in TimelineEntry entry)
    {
        switch (entry.Kind)
        {
            case TimelineKind.Run:
                string why = _wakers.TryGetValue(entry, out TimelineEntry wake) ? WhyItRan(wake) : "it had yielded";
                WriteSlice(entry.FiberName, "run", entry.Row, entry.BeginNs, entry.EndNs, ("fiber", entry.Fiber), ("woken", why), ("then", entry.Ending));
                break;
            case TimelineKind.Idle:
                WriteSlice(entry.Other == 1 ? "waits for descriptors and deadlines" : "sleeps", "idle", entry.Row, entry.BeginNs, entry.EndNs);
                break;
            case TimelineKind.Inline:
                WriteInstant($"{entry.FiberName} runs inline", "inline", entry);
                break;
            case TimelineKind.Steal:
                WriteInstant($"steals {entry.FiberName} from {RowName((int)entry.Other)}", "steal", entry);
                break;
            case TimelineKind.Blocked:
                WriteInstant($"{entry.FiberName} keeps the carrier", "blocked", entry);
                break;
            case TimelineKind.SpareStarts:
                WriteInstant("spare carrier starts", "spare", entry);
                break;
            case TimelineKind.SpareRetires:
                WriteInstant("spare carrier retires", "spare", entry);
                break;
        }
    }

    private string WhyItRan(in TimelineEntry wake)
    {
        string who = wake.Other != TimelineEntry.Nobody ? $"by {NameOf(wake.Other)}" : wake is { Kind: TimelineKind.Woken, Finder: >= 0 } ? $"by {RowName(wake.Finder)}" : "from outside";
        return wake.Kind == TimelineKind.Spawned ? $"spawned {who}" : $"{wake.Wake.ToString().ToLowerInvariant()} {who}";
    }

    // The arrow leaves the run in which the waker did it: reports may come later, when the woken fiber's carrier notices.
    private void WriteFlow(int id, in TimelineEntry wake, in TimelineEntry run)
    {
        if (wake.Other == TimelineEntry.Nobody || RunAround(wake.Other, wake.BeginNs) is not { } waker)
            return;
        WriteArrow("s", id, waker.Row, Math.Min(wake.BeginNs, waker.EndNs));
        WriteArrow("f", id, run.Row, run.BeginNs);
    }

    private void WriteArrow(string phase, int id, int row, long ns)
    {
        Begin(phase, "wakes", row);
        _json.WriteString("cat", "wake");
        _json.WriteNumber("id", id);
        if (phase == "f")
            _json.WriteString("bp", "e"); // belongs to the slice it points into, not to the next
        _json.WriteNumber("ts", Microseconds(ns - _startNs));
        _json.WriteEndObject();
    }

    private void WriteSlice(string name, string category, int row, long beginNs, long endNs, params ReadOnlySpan<(string Name, object Value)> details)
    {
        Begin("X", name, row);
        _json.WriteString("cat", category);
        _json.WriteNumber("ts", Microseconds(beginNs - _startNs));
        _json.WriteNumber("dur", Microseconds(endNs - beginNs));
        _json.WriteStartObject("args");
        foreach ((string detail, object value) in details)
        {
            if (value is long number)
                _json.WriteNumber(detail, number);
            else
                _json.WriteString(detail, (string)value);
        }

        End();
    }

    private void WriteInstant(string name, string category, in TimelineEntry entry)
    {
        Begin("i", name, entry.Row == TimelineProbe.Elsewhere ? Elsewhere : entry.Row);
        _json.WriteString("cat", category);
        _json.WriteString("s", "t"); // as wide as its row
        _json.WriteNumber("ts", Microseconds(entry.BeginNs - _startNs));
        _json.WriteEndObject();
    }

    private void Begin(string phase, string name, int row)
    {
        _json.WriteStartObject();
        _json.WriteString("ph", phase);
        _json.WriteString("name", name);
        _json.WriteNumber("pid", Environment.ProcessId);
        _json.WriteNumber("tid", row + 1); // some viewers keep 0 for themselves
    }

    // Of the details, and of the event.
    private void End()
    {
        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    private TimelineEntry? RunAfter(in TimelineEntry wake) => RunAt(wake.Fiber, wake.BeginNs, after: true);

    private TimelineEntry? RunAround(long fiber, long ns) => RunAt(fiber, ns, after: false);

    // The fiber's first run that begins at or after the time; or the last that began before it.
    private TimelineEntry? RunAt(long fiber, long ns, bool after)
    {
        if (!_runs.TryGetValue(fiber, out List<TimelineEntry>? runs))
            return null;
        int low = 0, high = runs.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = runs[middle].BeginNs < ns ? (middle + 1, high) : (low, middle);
        }

        int found = after ? low : low - 1;
        return found >= 0 && found < runs.Count ? runs[found] : null;
    }

    private string NameOf(long fiber) => _runs.TryGetValue(fiber, out List<TimelineEntry>? runs) ? runs[0].FiberName : TimelineEntry.NameOf(fiber, null);

    private string RowName(int row) => _names.TryGetValue(row, out string? name) ? name : $"carrier {row}";

    private static decimal Microseconds(long ns) => ns / 1000m;
}
