using System.Collections.Concurrent;
using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Parking;
using Fibers.Polling;
using Fibers.VirtualThreads;

namespace Fibers.Scheduling;

/// <summary>M fibers on N kernel threads. Owns carriers and queues; decides nothing a smaller file can decide.</summary>
/// <remarks>
/// <code>
///  Fiber.Spawn ─► Permits ─► InjectQueue / RunQueue ─► Carrier.FindWork ─► fibers_run ─► switch_x64.S
///                                 ▲                                          │ the fiber leaves
///                                 │                                          ▼
///     Inbox ◄─ native wake-ups    └── ParkCommit ◄── request block ◄── redirected call / Parker
///       └──────────► Carrier.FindWork                  └─► EpollPoller · Timers · wait lists ─► unpark
/// </code>
/// </remarks>
internal sealed unsafe class Scheduler : IDisposable
{
    private static readonly ConcurrentDictionary<nint, Scheduler> s_all = new();

    private readonly FiberRuntime _runtime;
    private readonly Lock _carriersLock = new();
    private readonly Watchdog _watchdog;
    private Carrier?[] _carriers;
    private volatile bool _stopping;
    private long _retiredSteals;
    private ulong _retiredSwitches;

    public Scheduler(FiberRuntime runtime, FiberRuntimeOptions options)
    {
        _runtime = runtime;
        Carriers = options.Carriers;
        Inbox = new Inbox();
        Poller = new EpollPoller(Inbox.Native);
        Pool = new VirtualThreadPool(this, options.StackSize);
        MaxPooled = options.MaxPooledThreads;
        s_all[(nint)Inbox.Native] = this;
        Shim.fibers_descriptor_watch(Inbox.Native, 1);
        int error = Shim.fibers_rescue_start(Inbox.Native, Watchdog.IntervalNs);
        if (error != 0)
            throw new InvalidOperationException($"The rescue carrier could not be started: error {error}.");
        _watchdog = new Watchdog(this);
        _carriers = new Carrier?[Carriers];
        for (int i = 0; i < Carriers; i++)
            _carriers[i] = new Carrier(this, i, spare: false);
        if (!TryStart())
        {
            Dismantle();
            throw new OutOfMemoryException("No thread or memory for a carrier.");
        }
    }

    // False: those that could not be started are in the list no more.
    private bool TryStart()
    {
        for (int i = 0; i < Carriers; i++)
        {
            if (_carriers[i]!.TryStart())
                continue;
            Array.Clear(_carriers, i, Carriers - i);
            return false;
        }

        return _watchdog.TryStart();
    }

    public int Carriers { get; }

    public int MaxPooled { get; }

    public Inbox Inbox { get; }

    public EpollPoller Poller { get; }

    public Timers Timers { get; } = new();

    public InjectQueue Injected { get; } = new();

    public IdleCarriers Idle { get; } = new();

    public BlockingCalls Blocking { get; } = new();

    public VirtualThreadPool Pool { get; }

    public Watchdog Watchdog => _watchdog;

    public bool Stopping => _stopping;

    /// <summary>Any thread. Milliseconds as <see cref="Environment.TickCount64"/> has them, some ten behind: reading it costs nothing. The watchdog writes it while carriers are busy, and a carrier that was idle.</summary>
    public long CoarseMs { get; set; } = Environment.TickCount64;

    public FiberRuntime Runtime => _runtime;

    /// <summary>Any thread. Carriers and spares by index; gaps are null.</summary>
    public ReadOnlySpan<Carrier?> AllCarriers => Volatile.Read(ref _carriers);

    /// <summary>Fibers that began, and wait for a virtual thread because none could be had.</summary>
    public InjectQueue Starving { get; } = new();

    public Carrier? CarrierAt(uint index)
    {
        Carrier?[] carriers = Volatile.Read(ref _carriers);
        return index < (uint)carriers.Length ? carriers[index] : null;
    }

    // ---- making runnable: any thread, any fiber; never parks --------------------------------------------------

    /// <summary>A woken fiber: next on this carrier, or wherever there is room.</summary>
    public void Enqueue(Fiber fiber)
    {
        if (VirtualThread.Current is { } self)
        {
            if (TryPushNext(self, fiber))
                return;
        }
        else if (Carrier.Current is { } carrier && carrier.Scheduler == this)
        {
            carrier.PushWoken(fiber);
            return;
        }

        Inject(fiber);
    }

    /// <summary>A new fiber.</summary>
    public void EnqueueNew(Fiber fiber)
    {
        if (VirtualThread.Current is { } self && TryPushNext(self, fiber))
            Idle.WakeForWork();
        else
            Inject(fiber);
    }

    // False: the caller is a fiber of another scheduler, or on the rescue carrier.
    private bool TryPushNext(VirtualThread self, Fiber fiber)
    {
        if (self.Scheduler != this)
            return false;
        self.Pin();
        Carrier? mine = self.PinnedCarrier;
        mine?.PushNext(fiber);
        self.Unpin();
        return mine is not null;
    }

    /// <summary>To the queue of all.</summary>
    public void Inject(Fiber fiber)
    {
        Injected.Push(fiber);
        Idle.WakeForWork();
    }

    public void Kick() => Shim.fibers_inbox_kick(Inbox.Native);

    public void AddTimer(TimerNode node, long deadlineNs, ulong number)
    {
        if (Timers.Add(node, deadlineNs, number))
            Idle.WakePollerBefore(deadlineNs);
    }

    // ---- for carriers ---------------------------------------------------------------------------------------------

    /// <summary>Looks at the descriptors without waiting, unless somebody waits there already.</summary>
    public void PollNow()
    {
        if (Idle.Poller is null)
            Poller.Poll(0);
    }

    public void DrainClosedDescriptors() => ClosedDescriptors.Drain(s_all);

    /// <summary>No virtual thread can be had now: the fiber waits until one is free. Whoever joins it may run it inline.</summary>
    public void Starve(Fiber fiber)
    {
        fiber.BeginStarving();
        Starving.Push(fiber);
        _runtime.Counters.StarvedOnce();
        Idle.WakePollerBefore(Clock.Now + Watchdog.IntervalNs); // pairs with NextRetry: the poller sees that it starves, or we that it sleeps for longer
    }

    /// <summary>The carrier that is about to wait in the poller: until when, at most. While somebody starves it tries again at intervals; the watchdog does, too, but may be about to doze.</summary>
    public long NextRetry => Starving.Count == 0 ? Timers.NextDeadline : Math.Min(Timers.NextDeadline, Clock.Now + Watchdog.IntervalNs);

    /// <summary>A fiber has ended and its virtual thread is back in the pool. What is returned is still to be done.</summary>
    public JoinList.Actions Ended(Fiber fiber)
    {
        JoinList.Actions actions = _runtime.Ended(fiber);
        FeedStarving();
        return actions;
    }

    /// <summary>Any thread. One that starves tries again; those that a joiner has run meanwhile are dropped. False: nobody starves.</summary>
    public bool FeedStarving()
    {
        while (Starving.Count > 0 && Starving.Pop() is { } fiber)
        {
            if (fiber.HasBegun)
                continue;
            Inject(fiber);
            return true;
        }

        return false;
    }

    // ---- spare carriers ----------------------------------------------------------------------------------------------

    /// <summary>The watchdog only. False: no thread or memory can be had for one now.</summary>
    public bool TryAddSpare()
    {
        Carrier spare;
        lock (_carriersLock)
        {
            if (_stopping)
                return false;
            int index = Array.IndexOf(_carriers, null);
            if (index < 0)
            {
                index = _carriers.Length;
                Array.Resize(ref _carriers, index + 4);
            }

            spare = new Carrier(this, index, spare: true);
            _carriers[index] = spare;
        }

        if (!spare.TryStart())
        {
            lock (_carriersLock)
                _carriers[spare.Index] = null; // one that never runs is never idle, and nobody may wait for its end
            return false;
        }

        Probe.Current?.SpareStarted(spare);
        return true;
    }

    /// <summary>The carrier itself, at its end.</summary>
    public void Stopped(Carrier carrier)
    {
        if (carrier.IsSpare)
            Probe.Current?.SpareRetired(carrier);
        lock (_carriersLock)
        {
            if (_stopping)
                return; // it stays where Dispose joins it, and is counted there
            _retiredSteals += carrier.Steals;
            _retiredSwitches += carrier.Switches;
            _carriers[carrier.Index] = null;
        }
    }

    /// <summary>Any thread. Every carrier is idle and there is nothing to wake one for: no fiber queued anywhere, no deadline.</summary>
    public bool IsQuiet
    {
        get
        {
            if (!IsIdle || Timers.Count > 0)
                return false;
            foreach (Carrier? carrier in AllCarriers)
                if (carrier is { HasWork: true })
                    return false;
            return true;
        }
    }

    /// <summary>Any thread. Every carrier is idle, and nothing lies in the queues of all, nor waits for a virtual thread.</summary>
    public bool IsIdle => AllIdle && Inbox.IsEmpty && Injected.Count == 0 && Starving.Count == 0;

    /// <summary>Any thread. How many there are, and every carrier's kernel thread.</summary>
    public static int Count(ICollection<int> carriers)
    {
        foreach (Scheduler scheduler in s_all.Values)
            foreach (Carrier? carrier in scheduler.AllCarriers)
                if (carrier is not null)
                    carriers.Add(carrier.KernelId);
        return s_all.Count;
    }

    /// <summary>Any thread. Another runtime has fibers.</summary>
    public static bool IsAnyOtherLive(FiberRuntime runtime)
    {
        foreach (Scheduler scheduler in s_all.Values)
            if (scheduler._runtime != runtime && scheduler._runtime.LiveFibers > 0)
                return true;
        return false;
    }

    /// <summary>Every carrier waits for something to do.</summary>
    public bool AllIdle => Idle.Idle >= LiveCarriers;

    public int LiveCarriers
    {
        get
        {
            int count = 0;
            foreach (Carrier? carrier in AllCarriers)
                count += carrier is null ? 0 : 1;
            return count;
        }
    }

    public int LiveSpares
    {
        get
        {
            int count = 0;
            foreach (Carrier? carrier in AllCarriers)
                count += carrier is { IsSpare: true } ? 1 : 0;
            return count;
        }
    }

    public long Steals
    {
        get
        {
            lock (_carriersLock) // a spare that retires is counted once
            {
                long sum = _retiredSteals;
                foreach (Carrier? carrier in _carriers)
                    sum += carrier?.Steals ?? 0;
                return sum;
            }
        }
    }

    public long Switches
    {
        get
        {
            lock (_carriersLock)
            {
                ulong sum = _retiredSwitches;
                foreach (Carrier? carrier in _carriers)
                    sum += carrier?.Switches ?? 0;
                return (long)sum;
            }
        }
    }

    /// <summary>Every fiber must have ended.</summary>
    public void Dispose()
    {
        _watchdog.Stop();
        Dismantle();
    }

    private void Dismantle()
    {
        lock (_carriersLock)
            _stopping = true;
        Idle.WakeAll();
        foreach (Carrier? carrier in _carriers)
        {
            while (carrier is { State: not CarrierState.Stopped })
            {
                Idle.WakeAll(); // it may have been on its way to sleep when the flag was raised
                Thread.Yield(); // no interrupt comes in there
            }

            carrier?.Join();
        }

        Shim.fibers_rescue_stop(Inbox.Native);
        Shim.fibers_descriptor_watch(Inbox.Native, 0);
        Pool.Dispose();
        s_all.TryRemove((nint)Inbox.Native, out _);
        Poller.Dispose();
        Inbox.Dispose();
    }
}
