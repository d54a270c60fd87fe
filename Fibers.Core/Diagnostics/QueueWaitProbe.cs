using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers.Diagnostics;

/// <summary>Measures how long a fiber that can run waits for a carrier. Attached while somebody listens to the histogram.</summary>
internal sealed class QueueWaitProbe(Action<double, Fiber> record) : Probe
{
    private readonly long _sinceNs = Clock.Now; // what a fiber remembers from before is of an earlier listener

    public override void Spawned(Fiber fiber, Fiber? parent) => fiber.RunnableSinceNs = Clock.Now;

    public override void Woken(Fiber fiber, Wake wake, Fiber? byFiber, Carrier? byCarrier) => fiber.RunnableSinceNs = Clock.Now;

    public override void RunEnds(Carrier carrier, Fiber fiber, RequestKind request, ParkReason reason)
    {
        if (request == RequestKind.Yield)
            fiber.RunnableSinceNs = Clock.Now;
    }

    public override void RunBegins(Carrier carrier, Fiber fiber)
    {
        if (fiber.RunnableSinceNs >= _sinceNs)
            record((Clock.Now - fiber.RunnableSinceNs) / 1e9, fiber);
    }
}
