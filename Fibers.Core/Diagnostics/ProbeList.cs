using Fibers.Parking;
using Fibers.Scheduling;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics;

/// <summary>All observers of the moment, told one after another. Never changes: a new list replaces it.</summary>
/// <remarks>
/// Pins the fiber that reports: an observer that waits for a lock (of .NET's own, perhaps) blocks its kernel thread. Would it park, it could hold that lock meanwhile, and every
/// carrier that reports would wait for a fiber that needs a carrier.
/// </remarks>
internal sealed class ProbeList : Probe
{
    private static readonly Lock s_lock = new();
    private readonly Probe[] _observers;

    private ProbeList(Probe[] observers) => _observers = observers;

    public static void Change(ref Probe? current, Probe observer, bool present)
    {
        lock (s_lock)
        {
            Probe[] observers = [.. ((current as ProbeList)?._observers ?? []).Where(one => one != observer)];
            if (present)
                observers = [.. observers, observer];
            Volatile.Write(ref current, observers.Length == 0 ? null : new ProbeList(observers));
        }
    }

    public override void Spawned(Fiber fiber, Fiber? parent)
    {
        using var pin = new PinScope();
        foreach (Probe observer in _observers)
            observer.Spawned(fiber, parent);
    }

    public override void RanInline(Fiber fiber, InlineReason reason)
    {
        using var pin = new PinScope();
        foreach (Probe observer in _observers)
            observer.RanInline(fiber, reason);
    }

    public override void Started(Fiber fiber)
    {
        using var pin = new PinScope();
        foreach (Probe observer in _observers)
            observer.Started(fiber);
    }

    public override void RunBegins(Carrier carrier, Fiber fiber)
    {
        foreach (Probe observer in _observers)
            observer.RunBegins(carrier, fiber);
    }

    public override void RunEnds(Carrier carrier, Fiber fiber, RequestKind request, ParkReason reason)
    {
        foreach (Probe observer in _observers)
            observer.RunEnds(carrier, fiber, request, reason);
    }

    public override void Woken(Fiber fiber, Wake wake, Fiber? byFiber, Carrier? byCarrier)
    {
        using var pin = new PinScope();
        foreach (Probe observer in _observers)
            observer.Woken(fiber, wake, byFiber, byCarrier);
    }

    public override void Ended(Fiber fiber)
    {
        using var pin = new PinScope();
        foreach (Probe observer in _observers)
            observer.Ended(fiber);
    }

    public override void Stolen(Carrier thief, Carrier victim, Fiber fiber)
    {
        foreach (Probe observer in _observers)
            observer.Stolen(thief, victim, fiber);
    }

    public override void CarrierIdles(Carrier carrier, bool polls)
    {
        foreach (Probe observer in _observers)
            observer.CarrierIdles(carrier, polls);
    }

    public override void CarrierWakes(Carrier carrier)
    {
        foreach (Probe observer in _observers)
            observer.CarrierWakes(carrier);
    }

    public override void Blocked(Carrier carrier, Fiber fiber)
    {
        foreach (Probe observer in _observers)
            observer.Blocked(carrier, fiber);
    }

    public override void SpareStarted(Carrier carrier)
    {
        foreach (Probe observer in _observers)
            observer.SpareStarted(carrier);
    }

    public override void SpareRetired(Carrier carrier)
    {
        foreach (Probe observer in _observers)
            observer.SpareRetired(carrier);
    }

    private readonly ref struct PinScope
    {
        private readonly VirtualThread? _thread;

        public PinScope()
        {
            _thread = VirtualThread.Current;
            _thread?.Pin();
        }

        public void Dispose() => _thread?.Unpin();
    }
}
