using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers.Diagnostics;

/// <summary>Turns what happens into events of <see cref="FiberEvents"/>. Attached while somebody listens to them.</summary>
internal sealed class EventProbe : Probe
{
    public override void Spawned(Fiber fiber, Fiber? parent) => FiberEvents.Log.FiberSpawned(fiber.Id, NameOf(fiber), parent?.Id ?? 0);

    public override void Started(Fiber fiber) => FiberEvents.Log.FiberStarted(fiber.Id, NameOf(fiber));

    public override void RanInline(Fiber fiber, InlineReason reason) => FiberEvents.Log.FiberRanInline(fiber.Id, reason.ToString());

    public override void RunEnds(Carrier carrier, Fiber fiber, RequestKind request, ParkReason reason)
    {
        if (request is RequestKind.Park or RequestKind.Descriptor or RequestKind.Poll)
            FiberEvents.Log.FiberParked(fiber.Id, reason.ToString());
    }

    public override void Woken(Fiber fiber, Wake wake, Fiber? byFiber, Carrier? byCarrier) => FiberEvents.Log.FiberWoken(fiber.Id, wake.ToString(), byFiber?.Id ?? 0);

    public override void Ended(Fiber fiber) => FiberEvents.Log.FiberEnded(fiber.Id, fiber.Status.ToString());

    public override void Stolen(Carrier thief, Carrier victim, Fiber fiber) => FiberEvents.Log.CarrierStole(thief.Index, victim.Index, fiber.Id);

    public override void Blocked(Carrier carrier, Fiber fiber) => FiberEvents.Log.FiberPinned(fiber.Id, carrier.Index);

    public override void SpareStarted(Carrier carrier) => FiberEvents.Log.SpareStarted(carrier.Index);

    public override void SpareRetired(Carrier carrier) => FiberEvents.Log.SpareRetired(carrier.Index);

    private static string NameOf(Fiber fiber) => fiber.Name ?? "";
}
