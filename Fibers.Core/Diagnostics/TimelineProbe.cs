using System.Collections.Concurrent;
using Fibers.Parking;
using Fibers.Scheduling;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics;

/// <summary>Writes down what the fibers and carriers of one runtime do.</summary>
internal sealed class TimelineProbe(FiberRuntime runtime) : Probe
{
    /// <summary>The row of whatever no carrier does.</summary>
    public const int Elsewhere = -1;

    private readonly ConcurrentDictionary<int, TimelineRing> _rows = new();
    private readonly ConcurrentDictionary<int, string> _names = new();

    /// <summary>Rows that belong to carriers, and what they are called.</summary>
    public IReadOnlyDictionary<int, string> Names => _names;

    public List<TimelineEntry> Snapshot(out long dropped)
    {
        dropped = 0;
        var entries = new List<TimelineEntry>();
        foreach (TimelineRing row in _rows.Values)
            entries.AddRange(row.Snapshot(ref dropped));
        return entries;
    }

    public override void Spawned(Fiber fiber, Fiber? parent)
    {
        if (fiber.Runtime == runtime)
            AddHere(new TimelineEntry(TimelineKind.Spawned, Elsewhere, Clock.Now, Clock.Now, fiber.Id, fiber.Name, parent?.Id ?? TimelineEntry.Nobody));
    }

    public override void RanInline(Fiber fiber, InlineReason reason)
    {
        if (fiber.Runtime == runtime)
            AddHere(new TimelineEntry(TimelineKind.Inline, Elsewhere, Clock.Now, Clock.Now, fiber.Id, fiber.Name));
    }

    public override void RunBegins(Carrier carrier, Fiber fiber)
    {
        if (fiber.Runtime == runtime)
            Row(carrier).BeganNs = Clock.Now;
    }

    public override unsafe void RunEnds(Carrier carrier, Fiber fiber, RequestKind request, ParkReason reason)
    {
        if (fiber.Runtime != runtime || Row(carrier) is not { BeganNs: not 0 } row)
            return; // it began before we observed
        var run = new TimelineEntry(TimelineKind.Run, carrier.Index, row.BeganNs, Clock.Now, fiber.Id, fiber.Name) { Request = request, Reason = reason };
        if (request is RequestKind.Park or RequestKind.Descriptor or RequestKind.Poll)
            run = run with { Descriptor = fiber.VirtualThread!.Native->Request.Descriptor, Timed = fiber.VirtualThread.Native->Request.DeadlineNs != Clock.Never };
        row.Add(run);
        row.BeganNs = 0;
    }

    public override void Woken(Fiber fiber, Wake wake, Fiber? byFiber, Carrier? byCarrier)
    {
        if (fiber.Runtime == runtime)
        {
            AddHere(new TimelineEntry(TimelineKind.Woken, Elsewhere, Clock.Now, Clock.Now, fiber.Id, fiber.Name, byFiber?.Id ?? TimelineEntry.Nobody)
            {
                Wake = wake,
                Finder = byCarrier?.Index ?? (int)TimelineEntry.Nobody,
            });
        }
    }

    public override void Stolen(Carrier thief, Carrier victim, Fiber fiber) => Mark(TimelineKind.Steal, thief, fiber, victim.Index);

    public override void Blocked(Carrier carrier, Fiber fiber) => Mark(TimelineKind.Blocked, carrier, fiber, TimelineEntry.Nobody);

    public override void CarrierIdles(Carrier carrier, bool polls)
    {
        if (carrier.Scheduler == runtime.Scheduler)
            Row(carrier).BeganNs = polls ? -Clock.Now : Clock.Now; // the sign remembers which
    }

    public override void CarrierWakes(Carrier carrier)
    {
        if (carrier.Scheduler != runtime.Scheduler || Row(carrier) is not { BeganNs: not 0 } row)
            return;
        row.Add(new TimelineEntry(TimelineKind.Idle, carrier.Index, Math.Abs(row.BeganNs), Clock.Now, Other: row.BeganNs < 0 ? 1 : 0));
        row.BeganNs = 0;
    }

    public override void SpareStarted(Carrier carrier) => Mark(TimelineKind.SpareStarts, carrier, null, TimelineEntry.Nobody);

    public override void SpareRetired(Carrier carrier) => Mark(TimelineKind.SpareRetires, carrier, null, TimelineEntry.Nobody);

    private void Mark(TimelineKind kind, Carrier carrier, Fiber? fiber, long other)
    {
        if (carrier.Scheduler == runtime.Scheduler)
            Row(carrier).Add(new TimelineEntry(kind, carrier.Index, Clock.Now, Clock.Now, fiber?.Id ?? 0, fiber?.Name, other));
    }

    // Whoever reports is a carrier, a pinned fiber, or an ordinary thread.
    private void AddHere(in TimelineEntry entry)
    {
        Carrier? here = VirtualThread.Current is { } thread ? thread.PinnedCarrier : Carrier.Current;
        bool ours = here is not null && here.Scheduler == runtime.Scheduler;
        TimelineRing row = ours ? Row(here!) : _rows.GetOrAdd(Elsewhere, static _ => new TimelineRing());
        row.Add(ours ? entry with { Row = here!.Index } : entry);
    }

    private TimelineRing Row(Carrier carrier)
    {
        if (_rows.TryGetValue(carrier.Index, out TimelineRing? row))
            return row;
        _names[carrier.Index] = $"{(carrier.IsSpare ? "spare carrier" : "carrier")} {carrier.Index}";
        return _rows.GetOrAdd(carrier.Index, static _ => new TimelineRing());
    }
}
