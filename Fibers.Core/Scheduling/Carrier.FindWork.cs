using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Parking;

namespace Fibers.Scheduling;

internal sealed unsafe partial class Carrier
{
    private const int FairnessInterval = 61; // every so often the shared sources come first, so that nobody starves
    private const long LookIntervalNs = 50_000;  // ... but a look at the poller is a system call, and turns can be short
    private const int SpinsBeforeSleep = 20;
    private const long SpareIdleNs = 50_000_000;

    // Next slot, own queue, inbox, inject queue, timers, poller, steal, sleep: in that order. Null: stop.
    private Fiber? FindWork()
    {
        if (_actions.Any)
            RunActions();
        if (_first is { } first)
        {
            _first = null;
            return first;
        }

        if (--_turnsOfOwn <= 0)
        {
            _turnsOfOwn = FairnessInterval;
            if (_spare && Scheduler.Watchdog.IsCalm)
            {
                GiveAway();
                return null;
            }

            Gather(pollNow: Clock.Now - _polledNs >= LookIntervalNs);
            if (Scheduler.Injected.Pop() is { } waitedLongest)
                return waitedLongest;
        }

        return TakeNext() ?? Queue.Pop() ?? Shared() ?? Search();
    }

    // It goes: all that waits here is for the others.
    private void GiveAway()
    {
        if (Interlocked.Exchange(ref _next, null) is { } next)
            Scheduler.Injected.Push(next);
        while (Queue.Pop() is { } fiber)
            Scheduler.Injected.Push(fiber);
        Scheduler.Idle.WakeForWork();
    }

    private void RunActions()
    {
        JoinList.Actions actions = _actions;
        _actions = default;
        actions.Run();
    }

    private Fiber? TakeNext()
    {
        if (_next is null)
            return null;
        if (++_nextInARow > MaxNextInARow && !Queue.IsEmpty)
        {
            _nextInARow = 0;
            if (Interlocked.Exchange(ref _next, null) is { } waiting)
                Queue.Push(waiting, Scheduler.Injected);
            return null;
        }

        return Interlocked.Exchange(ref _next, null);
    }

    private Fiber? Shared()
    {
        _nextInARow = 0;
        Gather(pollNow: true);
        return Queue.Pop() ?? TakeNext() ?? Scheduler.Injected.PopInto(Queue, Scheduler.Carriers);
    }

    // Whatever became runnable elsewhere comes into its own queue; but every second time behind those that its queue had no room for, if there are any: else what is
    // always ready would keep them waiting for as long as it is. Not every time: what ran lately is still in the caches, and `http-1000` is slower without it.
    private void Gather(bool pollNow)
    {
        _gathersBehind = Scheduler.Injected.Count > 0 && ++_gathers % 2 == 0;
        Scheduler.Inbox.Drain(this);
        Scheduler.DrainClosedDescriptors();
        Scheduler.Timers.Fire();
        if (pollNow)
        {
            Scheduler.PollNow();
            _polledNs = Clock.Now;
        }

        _gathersBehind = false;
    }

    // Its own sources are empty: look at everybody's, a few times, then go idle.
    private Fiber? Search()
    {
        State = CarrierState.Searching;
        Scheduler.Idle.BeginSearch();
        while (true)
        {
            for (int spin = 0; spin < SpinsBeforeSleep; spin++)
            {
                // Its own first: the poller may just have filled them, and a thief's queue must have room.
                if ((TakeNext() ?? Queue.Pop() ?? Steal() ?? Shared()) is { } found)
                    return Found(found);
                if (Scheduler.Stopping)
                    return Stop();
                Thread.SpinWait(1 << Math.Min(spin, 6));
            }

            Scheduler.Idle.EndSearch();
            if (GoIdle())
                return null; // it looks no more, so nobody may take it for a searcher
            State = CarrierState.Searching;
            Scheduler.Idle.BeginSearch();
        }
    }

    private Fiber? Found(Fiber fiber)
    {
        State = CarrierState.Running;
        if (Scheduler.Idle.EndSearch() && (HasWork || Scheduler.Injected.Count > 0))
            Scheduler.Idle.WakeForWork(); // the last searcher hands the search on
        return fiber;
    }

    private Fiber? Stop()
    {
        Scheduler.Idle.EndSearch();
        return null;
    }

    private Fiber? Steal()
    {
        ReadOnlySpan<Carrier?> carriers = Scheduler.AllCarriers;
        uint start = (uint)Environment.TickCount + (uint)Index;
        for (uint i = 0; i < (uint)carriers.Length; i++)
        {
            if (carriers[(int)((start + i) % (uint)carriers.Length)] is not { } victim || victim == this)
                continue;
            Fiber? stolen = victim.Queue.StealInto(Queue);
            if (stolen is null && victim.State != CarrierState.Searching)
                stolen = Interlocked.Exchange(ref victim._next, null);
            if (stolen is not null)
            {
                Steals++;
                Probe.Current?.Stolen(this, victim, stolen);
                return stolen;
            }
        }

        return null;
    }

    // True: a spare carrier that has been idle long enough to go.
    private bool GoIdle()
    {
        Volatile.Write(ref _wakeWord, 0);
        bool polls = Scheduler.Idle.Enter(this);
        Interlocked.Increment(ref Scheduler.Inbox.Native->Sleepers); // full fence; pairs with fibers_inbox_push
        SleepsUntil = polls ? Scheduler.NextRetry : Clock.Never;
        Interlocked.MemoryBarrier(); // pairs with WakePollerBefore's
        bool idleTooLong = false;
        if (!AnythingToDo(polls))
        {
            Probe.Current?.CarrierIdles(this, polls);
            if (polls)
            {
                State = CarrierState.Polling;
                long left = SleepsUntil == Clock.Never ? -1 : Math.Max(0, SleepsUntil - Clock.Now);
                bool shortened = _spare && (left < 0 || left > SpareIdleNs);
                bool timedOut = Scheduler.Poller.Poll(shortened ? SpareIdleNs : left) == 0;
                idleTooLong = timedOut && shortened;
                if (timedOut)
                    Scheduler.FeedStarving();
            }
            else
            {
                State = CarrierState.Sleeping;
                fixed (uint* word = &_wakeWord)
                    idleTooLong = Shim.fibers_futex_wait(word, 0, _spare ? SpareIdleNs : -1) == TimedOut;
            }

            Scheduler.CoarseMs = Environment.TickCount64; // the watchdog may have slept as long as we
            Probe.Current?.CarrierWakes(this);
        }

        Interlocked.Decrement(ref Scheduler.Inbox.Native->Sleepers);
        bool leftByItself = Scheduler.Idle.Leave(this);
        SleepsUntil = Clock.Never;
        if (!idleTooLong || !leftByItself)
            return false;
        // A spare that waited in the poller may go only when another takes its place there.
        return !polls || Scheduler.Idle.WakeSleeper();
    }

    private const int TimedOut = 110; // ETIMEDOUT

    // The last look before sleeping, after everybody can see that we are about to.
    private bool AnythingToDo(bool polls)
    {
        if (Scheduler.Stopping || !Scheduler.Inbox.IsEmpty || Scheduler.Injected.Count > 0 || ClosedDescriptors.Any)
            return true;
        foreach (Carrier? other in Scheduler.AllCarriers)
            if (other is not null && other != this && !other.Queue.IsEmpty)
                return true;
        return polls && SleepsUntil <= Clock.Now;
    }

    /// <summary>Any thread that took it off the idle list.</summary>
    public void WakeUp()
    {
        Volatile.Write(ref _wakeWord, 1);
        fixed (uint* word = &_wakeWord)
            Shim.fibers_futex_wake(word, 1);
    }
}
