using System.Diagnostics;
using System.Runtime.CompilerServices;
using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers.Scheduling;

/// <summary>A kernel thread that lends itself to one fiber after another.</summary>
/// <remarks>Fields belong to the carrier's own thread, or to the fiber it runs while that is pinned, unless they say otherwise.</remarks>
[DebuggerDisplay("Carrier {Index}: {State}")]
internal sealed unsafe partial class Carrier
{
    // A pair of fibers that wake each other through the next slot gives way to the queue after so many turns.
    private const int MaxNextInARow = 16;

    [ThreadStatic]
    private static Carrier? t_current;

    private readonly Thread _thread;
    private readonly bool _spare;
    private readonly ManualResetEventSlim _attached = new();
    private volatile NativeCarrier* _native;
    private Fiber? _next;        // newest-first slot; exchanged by thieves too
    private Fiber? _first;       // taken out of its queue for NextByHand, which could not use it: before everything else
    private JoinList.Actions _actions; // of a fiber that ended in a hand-over: for the carrier's own stack, and before everything else
    private bool _failed; // to attach itself; read after _attached
    private ulong _switchesBefore;
    private ulong _switchesAtEnd;
    private int _nextInARow;
    private bool _gathersBehind; // what is gathered goes to the shared queue
    private uint _gathers;       // while something waited there
    private long _polledNs;
    private int _turnsOfOwn = FairnessInterval; // until the shared sources come first
    private uint _wakeWord;      // futex: 1 when somebody has woken it

    public Carrier(Scheduler scheduler, int index, bool spare)
    {
        Scheduler = scheduler;
        Index = index;
        _spare = spare;
        _thread = new Thread(Main, 256 * 1024) { IsBackground = true, Name = spare ? $"fiber spare {index}" : $"fiber carrier {index}" };
    }

    public Scheduler Scheduler { get; }

    public int Index { get; }

    /// <summary>Started by the watchdog; goes when it has been idle for a while, or when nobody has sat in one fiber for a while.</summary>
    public bool IsSpare => _spare;

    /// <summary>The list of those that sleep, under its latch.</summary>
    public Carrier? IdleNext { get; set; }

    public RunQueue Queue { get; } = new();

    public CarrierState State { get; private set; } = CarrierState.Running;

    /// <summary>Any thread. Until when it sleeps in the poller.</summary>
    public long SleepsUntil { get; private set; } = Clock.Never;

    /// <summary>Its half in the shim. Null, as others may see it at any time: not attached yet, or stopped; then another carrier may have the struct.</summary>
    public NativeCarrier* Native
    {
        get => _native;
        private set => _native = value; // release; pairs with Switches
    }

    /// <summary>Any thread. Its kernel thread; 0: it has none.</summary>
    public int KernelId
    {
        get
        {
            NativeCarrier* native = Native;
            return native == null ? 0 : native->KernelTid;
        }
    }

    /// <summary>Any thread. Times it has run a fiber.</summary>
    public ulong Switches
    {
        get
        {
            NativeCarrier* native = Native;
            ulong switches = native == null ? 0 : Volatile.Read(ref native->Switches) - _switchesBefore;
            return Native == null ? _switchesAtEnd : switches;
        }
    }

    /// <summary>Any thread.</summary>
    public bool InFiber
    {
        get
        {
            NativeCarrier* native = Native;
            return native != null && Volatile.Read(ref native->Phase) == (uint)Phase.Fiber;
        }
    }

    /// <summary>Any thread. The fiber it runs at the moment; a snapshot.</summary>
    public Fiber? Mounted
    {
        get
        {
            NativeCarrier* native = Native;
            if (native == null || !InFiber)
                return null;
            var mounted = (NativeVThread*)Volatile.Read(ref *(nint*)&native->Mounted);
            return mounted == null ? null : VirtualThread.Find(mounted)?.Fiber;
        }
    }

    /// <summary>Any thread. Something waits that only this carrier, or a thief, can run.</summary>
    public bool HasWork => Volatile.Read(ref _next) is not null || !Queue.IsEmpty;

    public long Steals { get; private set; }

    /// <summary>The carrier whose own stack the caller stands on, or null (on a fiber: null).</summary>
    public static Carrier? Current => t_current;

    /// <summary>False: no thread or memory can be had for it, and it will never run.</summary>
    public bool TryStart()
    {
        if (!Shortage.TryStart(_thread))
            return false;
        _attached.Wait();
        return !_failed;
    }

    public void Join() => Fiber.Unbroken(_thread, static thread => thread.Join());

    // ---- its queue: the carrier itself, or its fiber while pinned ------------------------------------------

    /// <summary>Runs after those that already wait.</summary>
    public void PushLocal(Fiber fiber)
    {
        if (TryPushBehind(fiber))
            return;
        Queue.Push(fiber, Scheduler.Injected);
        if (Queue.Count > 1)
            Scheduler.Idle.WakeForWork();
    }

    /// <summary>Gives way to those that already wait. There is no more work than before, so nobody is woken for it.</summary>
    public void PushYielded(Fiber fiber) => Queue.Push(fiber, Scheduler.Injected);

    /// <summary>The carrier itself, which has woken it.</summary>
    public void PushWoken(Fiber fiber)
    {
        if (!TryPushBehind(fiber))
            PushNext(fiber);
    }

    // True: it waits behind those that this carrier's queue had no room for.
    private bool TryPushBehind(Fiber fiber)
    {
        if (_gathersBehind)
            Scheduler.Inject(fiber);
        return _gathersBehind;
    }

    /// <summary>Runs next: what was just woken finds its data in the cache.</summary>
    public void PushNext(Fiber fiber)
    {
        if (_next is null)
        {
            Volatile.Write(ref _next, fiber); // release; pairs with a thief's exchange. Only we fill it
            return;
        }

        Fiber? displaced = Interlocked.Exchange(ref _next, fiber); // a thief may have been faster
        if (displaced is not null)
        {
            Queue.Push(displaced, Scheduler.Injected);
            Scheduler.Idle.WakeForWork();
        }
    }

    // ---- handing over: the fiber it runs, while pinned -----------------------------------------------------

    /// <summary>
    /// The fiber to run next, if it can be switched to from here. Null: the carrier's own loop must see to what comes next. Only fibers that have nothing but a queue to be
    /// taken out of, so that arriving performs no more than a push or a compare-exchange. (The short way from fiber to fiber: Go has it too, through its g0.)
    /// </summary>
    public VirtualThread? NextByHand()
    {
        if (MustPassLoop || (TakeNext() ?? Queue.Pop()) is not { } fiber)
            return null;
        if ((fiber.VirtualThread ?? BindIdle(fiber)) is { MayBeHandedTo: true, IsOccupied: false } thread)
        {
            _turnsOfOwn--;
            return thread;
        }

        if (fiber.VirtualThread is not null || !fiber.HasBegun)
            _first = fiber;
        return null;
    }

    /// <summary>
    /// Its fiber's body has ended, and all there is to tell is one fiber that joins it: that one, taken out of its park, to be switched to. It finds the end complete
    /// when it arrives, because it completes it. Null: the carrier's own loop must see to the end.
    /// </summary>
    public VirtualThread? JoinerByHand(Fiber ended)
    {
        if (MustPassLoop || !ended.HasSoleJoiner(out VirtualThread? joiner, out ulong number) || joiner.Scheduler != Scheduler)
            return null;
        if ((++_nextInARow > MaxNextInARow && !Queue.IsEmpty) || !joiner.TryTake(number))
            return null;
        _turnsOfOwn--;
        return joiner;
    }

    private bool MustPassLoop => _turnsOfOwn <= 1 || _actions.Any;

    /// <summary>The fiber that was handed the carrier, pinned: performs the request of the one it got it from. False: it is to go through the carrier's loop soon.</summary>
    public bool TakeOver(VirtualThread from, VirtualThread heir, NativeVThread* heirNative)
    {
        NativeCarrier* native = Native;
        Settle(native, from, heir);
        Volatile.Write(ref *(nint*)&native->Mounted, (nint)heirNative);
        Volatile.Write(ref native->Phase, (uint)Phase.Fiber);
        Probe.Current?.RunBegins(this, heir.Fiber!);
        return !_actions.Any;
    }

    // ---- its life ------------------------------------------------------------------------------------------

    private void Main()
    {
        t_current = this;
        NativeCarrier* native = Shim.fibers_carrier_attach(Scheduler.Inbox.Native);
        if (native == null)
        {
            _failed = true;
            _attached.Set();
            return;
        }

        native->Index = (uint)Index;
        _switchesBefore = native->Switches; // of a spare carrier that had this struct before
        Native = native;
        if (_spare)
            Scheduler.Watchdog.SpareRuns();
        _attached.Set();
        while (TakeTurn())
        {
        }

        _switchesAtEnd = native->Switches - _switchesBefore;
        State = CarrierState.Stopped;
        Native = null;
        Shim.fibers_carrier_detach();
        t_current = null; // what an observer wakes from here on must not go into a queue that nobody looks at
        Scheduler.Stopped(this);
    }

    // A frame of its own for each turn: in a loop the last fiber, and its result, would stay alive for as long as no other comes.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TakeTurn()
    {
        if (FindWork() is not { } fiber)
            return false;
        Run(fiber);
        return true;
    }

    private void Run(Fiber fiber)
    {
        VirtualThread? thread = fiber.VirtualThread ?? Bind(fiber);
        if (thread is null)
            return;
        for (int round = 0; thread.IsOccupied; round++)
            Latch.Backoff(round); // it gives way on another carrier (VirtualThread.Yield), and we were faster
        ParkCommit.Undo(Scheduler, thread);
        Probe.Current?.RunBegins(this, fiber);
        NativeVThread* left = Shim.fibers_run(thread.Native); // SEE two-crossings
        Settle(Native, left == thread.Native ? thread : VirtualThread.Of(left), heir: null);
    }

    // The carrier itself, or the heir, when `left` has left.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Settle(NativeCarrier* native, VirtualThread left, VirtualThread? heir)
    {
        Volatile.Write(ref native->Phase, (uint)Phase.Scheduler);
        Fiber fiber = left.Fiber!;
        if (Volatile.Read(ref native->Contested) != 0 && Shim.fibers_rescue_settle(native) != 0)
        {
            Probe.Current?.RunEnds(this, fiber, RequestKind.None, ParkReason.None);
            return; // we were stuck, and the rescue carrier took the fiber
        }

        Probe.Current?.RunEnds(this, fiber, (RequestKind)left.Native->Request.Kind, (ParkReason)left.Native->Request.Reason);
        ParkCommit.Perform(this, left, heir);
    }

    // A fiber's first turn: it gets a virtual thread, or waits until one is free.
    private VirtualThread? Bind(Fiber fiber)
    {
        if (!fiber.TryBegin())
            return null; // a joiner ran it inline, or it was cancelled
        VirtualThread? thread = Scheduler.Pool.Rent();
        if (thread is null)
        {
            Scheduler.Starve(fiber);
            return null;
        }

        thread.Carry(fiber);
        return thread;
    }

    // As Bind, when that costs nothing.
    private VirtualThread? BindIdle(Fiber fiber)
    {
        if (!Scheduler.Pool.TryTakeIdle(out VirtualThread? idle))
            return null;
        if (!fiber.TryBegin())
        {
            Scheduler.Pool.Return(idle);
            return null;
        }

        idle.Carry(fiber);
        return idle;
    }

    /// <summary>The body has ended and its virtual thread is free. The caller is <paramref name="heir"/>, which joined it, or the carrier itself.</summary>
    public void Finish(VirtualThread thread, VirtualThread? heir)
    {
        Fiber fiber = thread.Fiber!;
        thread.Fiber = null;
        fiber.VirtualThread = null;
        Scheduler.Pool.Return(thread);
        JoinList.Actions actions = Scheduler.Ended(fiber);
        if (heir is null)
        {
            actions.Run();
            return;
        }

        Probe.Current?.Woken(heir.Fiber!, Wake.Unparked, null, this);
        _actions = actions; // asked for since it was looked at; they may take locks, where an interrupt of the heir could come in
    }

    private enum Phase : uint
    {
        Scheduler = 0,
        Fiber = 1,
        Returned = 2,
        Idle = 3,
        Gone = 4,
    }
}
