using System.Collections.Concurrent;
using Fibers.Diagnostics;
using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers.Tests.Diagnostics;

/// <summary>Writes down what it is told about the fibers of one runtime.</summary>
internal sealed class RecordingProbe : Probe, IDisposable
{
    private readonly FiberRuntime _runtime;

    public RecordingProbe(FiberRuntime runtime)
    {
        _runtime = runtime;
        Attach(this);
    }

    public ConcurrentQueue<Entry> Entries { get; } = new();

    public IReadOnlyList<Entry> Of(Fiber fiber) => [.. Entries.Where(entry => entry.Fiber == fiber)];

    public int Count(string what) => Entries.Count(entry => entry.What == what);

    public void Dispose() => Detach(this);

    public override void Spawned(Fiber fiber, Fiber? parent) => Add(new Entry(nameof(Spawned), fiber) { Other = parent });

    public override void RanInline(Fiber fiber, InlineReason reason) => Add(new Entry(nameof(RanInline), fiber) { Inline = reason });

    public override void RunBegins(Carrier carrier, Fiber fiber) => Add(new Entry(nameof(RunBegins), fiber) { Carrier = carrier });

    public override void RunEnds(Carrier carrier, Fiber fiber, RequestKind request, ParkReason reason) =>
        Add(new Entry(nameof(RunEnds), fiber) { Carrier = carrier, Request = request, Reason = reason });

    public override void Woken(Fiber fiber, Wake wake, Fiber? byFiber, Carrier? byCarrier) =>
        Add(new Entry(nameof(Woken), fiber) { Wake = wake, Other = byFiber, Carrier = byCarrier });

    public override void Ended(Fiber fiber) => Add(new Entry(nameof(Ended), fiber));

    public override void Stolen(Carrier thief, Carrier victim, Fiber fiber) => Add(new Entry(nameof(Stolen), fiber) { Carrier = thief });

    private void Add(Entry entry)
    {
        if (entry.Fiber.Runtime == _runtime)
            Entries.Enqueue(entry);
    }

    public sealed record Entry(string What, Fiber Fiber)
    {
        public Fiber? Other { get; init; }
        public Carrier? Carrier { get; init; }
        public RequestKind Request { get; init; }
        public ParkReason Reason { get; init; }
        public Wake Wake { get; init; }
        public InlineReason? Inline { get; init; }

        public bool Parked => Request is RequestKind.Park or RequestKind.Descriptor or RequestKind.Poll;
    }
}
