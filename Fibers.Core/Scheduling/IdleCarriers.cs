using Fibers.Parking;

namespace Fibers.Scheduling;

/// <summary>Who is awake, and who must wake whom.</summary>
/// <remarks>
/// <para>
/// Invariant: work that is made visible while a carrier is idle is found by somebody. A carrier that is about to sleep enters the list,
/// fences, and looks at every source of work once more; a producer makes work visible, fences, and looks at the list
/// (<see cref="WakeForWork"/>). One of the two sees the other.
/// </para>
/// <para>
/// A producer wakes nobody while somebody is already searching: the searcher will find the work, and when the last searcher
/// finds something it wakes one more (as Go does), so that wake-ups spread as long as there is work.
/// </para>
/// <para>
/// That is enough only because whoever counts as searching, or was taken off the list, looks once more after that, and before it sleeps. A spare that retires does not look: it
/// leaves the list by itself, so nobody has chosen it, and it never counts as searching. What its own queue held it has run, or given to the queue of all and woken somebody for.
/// If it was the poller, it goes only when it has woken a sleeper, which looks everywhere and takes its place.
/// </para>
/// <para>
/// So no fiber lies queued while every carrier sleeps, whether or not the watchdog looks. In a carrier's own queue: the carrier empties it before it sleeps, and nobody else fills
/// it. In the inject queue: above. In the inbox: its producers push, fence, and look at the count of sleepers (inbox.c), which a carrier raises before its last look; when all are idle
/// one of them waits in the poller, because whoever enters the list and finds nobody there does. A deadline, or one that starves: whoever adds it looks until when the poller sleeps
/// (<see cref="WakePollerBefore"/>), which publishes that before its last look.
/// </para>
/// <para>At most one idle carrier waits in the poller; the others sleep, newest on top, so that the warmest wakes first.</para>
/// <para>Who: any thread wakes; a carrier adds and removes itself. The list is guarded by its latch; the counters are read without.</para>
/// </remarks>
internal sealed class IdleCarriers
{
    private Latch _latch;
    private Carrier? _sleeping; // a list through IdleNext, so that nothing is allocated under the latch
    private int _idle;      // sleeping and polling
    private int _searching;
    private Carrier? _poller;

    public int Searching => Volatile.Read(ref _searching);

    public int Idle => Volatile.Read(ref _idle);

    public Carrier? Poller => Volatile.Read(ref _poller);

    public void BeginSearch() => Interlocked.Increment(ref _searching);

    /// <summary>True: it was the last one searching.</summary>
    public bool EndSearch() => Interlocked.Decrement(ref _searching) == 0;

    /// <summary>The carrier itself, before its last look. True: it is to wait in the poller; false: to sleep.</summary>
    public bool Enter(Carrier carrier)
    {
        bool polls;
        Latch.Scope scope = _latch.Enter();
        polls = _poller is null;
        if (polls)
            _poller = carrier;
        else
            (carrier.IdleNext, _sleeping) = (_sleeping, carrier);
        _idle++;
        _latch.Exit(scope);
        Interlocked.MemoryBarrier(); // pairs with WakeForWork's: it sees us idle, or we see its work
        return polls;
    }

    /// <summary>The carrier itself. False: somebody has taken it off the list already, to wake it.</summary>
    public bool Leave(Carrier carrier)
    {
        Latch.Scope scope = _latch.Enter();
        bool present = true;
        if (_poller == carrier)
            _poller = null;
        else
            present = Remove(carrier);
        if (present)
            _idle--;
        _latch.Exit(scope);
        return present;
    }

    // With the latch held. False: it is not in the list.
    private bool Remove(Carrier carrier)
    {
        Carrier? before = null;
        for (Carrier? sleeper = _sleeping; sleeper != carrier; sleeper = sleeper.IdleNext)
        {
            if (sleeper is null)
                return false;
            before = sleeper;
        }

        if (before is null)
            _sleeping = carrier.IdleNext;
        else
            before.IdleNext = carrier.IdleNext;
        carrier.IdleNext = null;
        return true;
    }

    /// <summary>Any thread, after it made work visible.</summary>
    public void WakeForWork()
    {
        Interlocked.MemoryBarrier(); // pairs with Enter's
        if (Idle != 0 && Searching == 0)
            WakeOne();
    }

    /// <summary>Any thread. A sleeper, or else whoever waits in the poller.</summary>
    public void WakeOne()
    {
        if (!WakeSleeper())
            Poller?.Scheduler.Kick();
    }

    /// <summary>Any thread. True: one was woken; it will look for work, and wait in the poller if nobody does.</summary>
    public bool WakeSleeper()
    {
        Latch.Scope scope = _latch.Enter();
        Carrier? sleeper = _sleeping;
        if (sleeper is not null)
        {
            Remove(sleeper);
            _idle--;
        }

        _latch.Exit(scope);
        sleeper?.WakeUp();
        return sleeper is not null;
    }

    /// <summary>Any thread. A deadline earlier than the poller sleeps for.</summary>
    public void WakePollerBefore(long deadlineNs)
    {
        Interlocked.MemoryBarrier();
        if (Poller is { } poller && deadlineNs < poller.SleepsUntil)
            poller.Scheduler.Kick();
    }

    public void WakeAll()
    {
        while (WakeSleeper())
        {
        }

        Poller?.Scheduler.Kick();
    }
}
