using System.Runtime.CompilerServices;
using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Parking;

namespace Fibers.Scheduling;

/// <summary>
/// Notices a carrier that sits in one fiber while work waits that nobody else comes for, and puts a spare carrier beside it; sees that somebody polls; trims idle
/// virtual threads. A thread of its own that sleeps as long as every carrier is idle.
/// </summary>
internal sealed class Watchdog
{
    public const long IntervalNs = 10_000_000;
    private const int TicksBetweenTrims = 200; // two seconds
    private const int TicksBetweenLooks = 50; // for circles, while there is work
    private const int QuickSpares = 4;
    private const int MaxPatience = 4; // doublings: 160 ms
    private const int TicksUntilCalm = 5;
    private const uint DozeBit = 2; // FIBERS_DOZE_WATCHDOG

    private readonly Scheduler _scheduler;
    private readonly Thread _thread;
    private readonly uint[] _stop = GC.AllocateArray<uint>(1, pinned: true); // futex; 1: it is to stop. Pinned, because the shim looks at it
    private readonly Dictionary<Carrier, Seen> _before = [];
    private readonly Dictionary<Carrier, ulong> _told = []; // the run in which it was last found blocked
    private long _sparesStarted;
    private int _ticksStuck; // since a spare was last started
    private int _ticksCalm;  // since somebody was last seen to sit

    public Watchdog(Scheduler scheduler)
    {
        _scheduler = scheduler;
        _thread = new Thread(Main, 256 * 1024) { IsBackground = true, Name = "fiber watchdog" };
    }

    public long SparesStarted => Volatile.Read(ref _sparesStarted);

    /// <summary>Any thread. For a while no carrier has been seen to sit in one fiber: a spare only competes with the others, however much there is to do.</summary>
    public bool IsCalm => Volatile.Read(ref _ticksCalm) >= TicksUntilCalm;

    /// <summary>The spare itself, before it runs anything.</summary>
    public void SpareRuns() => Interlocked.Increment(ref _sparesStarted);

    /// <summary>False: no thread or memory can be had for it.</summary>
    public bool TryStart() => Shortage.TryStart(_thread);

    public unsafe void Stop()
    {
        Volatile.Write(ref *StopWord, 1);
        Shim.fibers_futex_wake(StopWord, 1);
        Shim.fibers_rouse(_scheduler.Inbox.Native);
        Fiber.Unbroken(_thread, static thread => thread.Join());
    }

    private unsafe uint* StopWord => (uint*)Unsafe.AsPointer(ref _stop[0]);

    private unsafe bool IsToStop => Volatile.Read(ref *StopWord) != 0;

    private unsafe void Main()
    {
        for (int tick = 1; ; tick++)
        {
            _ = Shim.fibers_futex_wait(StopWord, 0, IntervalNs);
            if (IsToStop)
                return;
            try
            {
                Tick(tick);
                Rest();
            }
            catch (Exception exception) when (Shortage.Is(exception))
            {
                // Whoever needs what has run out is told when he asks for it. Here everything can wait: the next tick does it.
            }
        }
    }

    // Not inlined, so that what it calls can fail to be loaded inside the try; nor is the next.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Tick(int tick)
    {
        _scheduler.CoarseMs = Environment.TickCount64;
        Look();
        FiberMeter.Follow();
        _scheduler.FeedStarving(); // perhaps one can be had again, and nobody else may come to ask
        if (tick % TicksBetweenLooks == 0)
            _scheduler.Runtime.Deadlocks.LookForCircles();
        if (tick % TicksBetweenTrims == 0)
            _scheduler.Pool.Trim(_scheduler.MaxPooled);
    }

    // For as long as every carrier is idle. That it dozes without time-out is safe without what it looks for here: no fiber lies queued while every carrier sleeps
    // (IdleCarriers). It looks all the same, because one that does for a reason nobody has thought of is run at the next tick.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe void Rest()
    {
        long looked = -1; // switches when it last looked for a deadlock
        while (_scheduler.IsIdle && !IsToStop)
        {
            bool surplus = _scheduler.Pool.Idle > 0;
            long switches = _scheduler.Switches;
            bool again = switches != looked; // a fiber may have run and parked since, before we doze
            looked = switches;
            _scheduler.Runtime.Deadlocks.Look();
            bool tooSoon = !again && !_scheduler.Runtime.Deadlocks.LookForCircles();
            Shim.fibers_doze(_scheduler.Inbox.Native, DozeBit, again || tooSoon ? IntervalNs : surplus ? IntervalNs * TicksBetweenTrims : -1, StopWord);
            if (_scheduler.AllIdle && surplus)
                _scheduler.Pool.Trim(_scheduler.MaxPooled);
        }
    }

    private void Look()
    {
        bool workWaits = !_scheduler.Inbox.IsEmpty || _scheduler.Injected.Count > 0 || _scheduler.Timers.NextDeadline <= Clock.Now;
        bool someoneMoves = false, someoneSits = false, someoneHolds = false;
        int live = 0;
        foreach (Carrier? carrier in _scheduler.AllCarriers)
        {
            if (carrier is null)
                continue;
            live++;
            var now = new Seen(carrier.Switches, carrier.Queue.Taken);
            bool known = _before.TryGetValue(carrier, out Seen before);
            _before[carrier] = now;
            bool moved = !known || before.Switches != now.Switches;
            bool sits = !moved && carrier.InFiber;
            someoneMoves |= moved;
            someoneSits |= sits;
            if (sits)
            {
                string doing = KernelThread.Doing(carrier.KernelId);
                if (KernelThread.IsCall(doing) && _told.GetValueOrDefault(carrier) != now.Switches)
                    Tell(carrier, doing, now.Switches);
                // While others move: one that is blocked leaves a processor to a spare; one that computes, or waits for its turn on a busy machine, does not,
                // and a spare would only compete with those that move: unless nobody comes for what waits behind it.
                someoneHolds |= !KernelThread.Computes(doing) || (carrier.HasWork && before.Taken == now.Taken);
            }

            workWaits |= carrier.HasWork && (sits || _scheduler.Idle.Idle > 0);
        }

        if (_before.Count > live * 4 + 16)
        {
            _before.Clear(); // spares that are gone
            _told.Clear();
        }

        Volatile.Write(ref _ticksCalm, someoneSits ? 0 : Math.Min(_ticksCalm + 1, TicksUntilCalm));
        bool stuck = someoneHolds || (someoneSits && !someoneMoves);
        if (!stuck)
            _ticksStuck = 0;
        bool nobodyPolls = stuck && _scheduler.Idle.Poller is null && !someoneMoves;
        if (!workWaits && !nobodyPolls)
            return;
        if (_scheduler.Idle.Idle > 0)
        {
            _scheduler.Idle.WakeOne();
            return;
        }

        int spares = live - _scheduler.Carriers;
        // However many there are: what ends those waits may be a fiber that only the next one would run, or poll for.
        if (!stuck || (someoneMoves && !workWaits) || ++_ticksStuck < Patience(spares))
            return;
        if (_scheduler.TryAddSpare())
            _ticksStuck = 0; // else no thread can be had for it: again at the next tick
    }

    // Once per call that blocks: it may compute first.
    private void Tell(Carrier carrier, string call, ulong switches)
    {
        if (!_scheduler.Blocking.Add(carrier, call))
            return;
        _told[carrier] = switches;
        if (Probe.Current is { } probe && carrier.Mounted is { } fiber)
            probe.Blocked(carrier, fiber);
    }

    // Many that are stuck at once mostly wait for one thing, such as a method that is being compiled, and another spare would only join them:
    // the more there are, the longer the next one is put off.
    private static int Patience(int spares) => 1 << Math.Clamp(spares - QuickSpares, 0, MaxPatience);

    private readonly record struct Seen(ulong Switches, uint Taken);
}
