using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers.Diagnostics;

/// <summary>
/// The one place where everything that observes fibers hooks in: event sources, metrics, timelines. While nobody observes, each call site costs one look at
/// <see cref="Current"/>.
/// </summary>
/// <remarks>
/// <para>
/// Rules for observers: a method runs where the thing happens, on a carrier's own stack or on a pinned fiber, sometimes under a lock of the library. It must not wait for a
/// fiber, and must not throw; allocating is allowed. Several run at the same time. A carrier or fiber that was already past its look when an observer came or left may still miss it
/// once, or reach it once more.
/// </para>
/// <para>
/// Per fiber and in this order (Native backend): Spawned, then RunBegins and RunEnds in turn (Started in the first), with Woken between a RunEnds that parked and the next RunBegins, then Ended. The rescue
/// carrier is native code and reports nothing: what a fiber did on it is missing. The other backends report Spawned, Started, RanInline and Ended only.
/// </para>
/// </remarks>
internal abstract class Probe
{
    private static Probe? s_current;

    /// <summary>Any thread. All who observe, or null.</summary>
    public static Probe? Current => s_current; // plain: a moment too late is allowed

    /// <summary>Any thread.</summary>
    public static void Attach(Probe observer) => ProbeList.Change(ref s_current, observer, present: true);

    /// <summary>Any thread. Nothing happens if it is not attached. Calls that have begun may still be running when this returns.</summary>
    public static void Detach(Probe observer) => ProbeList.Change(ref s_current, observer, present: false);

    /// <summary>The spawner, before the fiber can run (Native). <paramref name="parent"/>: the fiber that spawned it, or null.</summary>
    public virtual void Spawned(Fiber fiber, Fiber? parent)
    {
    }

    /// <summary>The spawner or joiner, before the body runs on its stack.</summary>
    public virtual void RanInline(Fiber fiber, InlineReason reason)
    {
    }

    /// <summary>Whoever runs the body, on its stack, before it begins.</summary>
    public virtual void Started(Fiber fiber)
    {
    }

    /// <summary>The carrier, before it switches to the fiber; or the fiber itself, first of all, when another handed it the carrier.</summary>
    public virtual void RunBegins(Carrier carrier, Fiber fiber)
    {
    }

    /// <summary>The carrier, or the fiber it was handed to, when the fiber has left it and before anybody else can run it. <see cref="RequestKind.None"/>: the rescue carrier has taken it already.
    /// <paramref name="reason"/> means something when it parked.</summary>
    public virtual void RunEnds(Carrier carrier, Fiber fiber, RequestKind request, ParkReason reason)
    {
    }

    /// <summary>
    /// Whoever makes a parked fiber runnable, before it can run. At most one of <paramref name="byFiber"/> and <paramref name="byCarrier"/> is given: the fiber that woke it, or the
    /// carrier that found its deadline passed or its descriptor ready. Neither: native code or an ordinary thread. When several race to wake it, one of them.
    /// </summary>
    public virtual void Woken(Fiber fiber, Wake wake, Fiber? byFiber, Carrier? byCarrier)
    {
    }

    /// <summary>Whoever ran it, its carrier, or the fiber that was handed that on joining it; before anybody who joins it goes on. Also for a fiber that was cancelled before it began.</summary>
    public virtual void Ended(Fiber fiber)
    {
    }

    /// <summary>The thief. The first fiber it took; there may be more.</summary>
    public virtual void Stolen(Carrier thief, Carrier victim, Fiber fiber)
    {
    }

    /// <summary>The carrier, when it has nothing to run. <paramref name="polls"/>: it waits in the poller, else it sleeps.</summary>
    public virtual void CarrierIdles(Carrier carrier, bool polls)
    {
    }

    /// <summary>The carrier, when it is no longer idle.</summary>
    public virtual void CarrierWakes(Carrier carrier)
    {
    }

    /// <summary>The watchdog. The fiber has kept the carrier for longer than an interval: it computes, or blocks in a call that is not redirected. Told once per run.</summary>
    public virtual void Blocked(Carrier carrier, Fiber fiber)
    {
    }

    /// <summary>The watchdog, after it has started a spare carrier.</summary>
    public virtual void SpareStarted(Carrier carrier)
    {
    }

    /// <summary>The spare carrier, at its end.</summary>
    public virtual void SpareRetired(Carrier carrier)
    {
    }
}
