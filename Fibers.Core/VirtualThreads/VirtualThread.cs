using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Fibers.Diagnostics;
using Fibers.Native;
using Fibers.Parking;
using Fibers.Polling;
using Fibers.Scheduling;

namespace Fibers.VirtualThreads;

/// <summary>
/// The managed half of one virtual thread: a thread as .NET sees it, with a stack, thread-locals and a
/// <see cref="System.Threading.Thread"/> of its own, but no kernel thread. Pooled; runs one fiber's body after another.
/// </summary>
/// <remarks>
/// Fields are touched by whoever runs it: the fiber on it, or, between two runs, the one carrier that mounts it or
/// performs its request. <see cref="TryWake"/> is for everybody, and so is looking ahead, which changes nothing.
/// </remarks>
[DebuggerDisplay("VirtualThread {Index}: {Fiber}")]
internal sealed unsafe class VirtualThread : Parker
{
    private const int CacheLine = 64;

    private static readonly Lock s_tableLock = new();
    private static VirtualThread?[] s_table = new VirtualThread?[256]; // by index
    private static ExecutionContext? s_emptyContext; // what every new thread has

    private static delegate* unmanaged[SuppressGCTransition]<NativeVThread*> s_current; // null: there is no shim, as far as anybody has looked

    private Notifier? _notifier; // while somebody observes: who tried last to wake it while it was leaving
    private Carrier? _lastCarrier; // where PinnedCarrier looks first
    private Exception? _thrown; // by the body, on its way to Fiber.Leave

    private VirtualThread(Scheduler scheduler) => Scheduler = scheduler;

    public NativeVThread* Native { get; private set; }

    public Scheduler Scheduler { get; }

    /// <summary>The fiber it runs, or null while it is idle.</summary>
    public Fiber? Fiber { get; set; }

    /// <summary>The pool, under its latch.</summary>
    public VirtualThread? IdleNext { get; set; }

    public Thread? Thread { get; private set; }

    /// <summary>Its one place among the timers: a fiber waits for one deadline at a time. Null before the first.</summary>
    public TimerNode? Timer { get; private set; }

    /// <summary>Its one place in a descriptor's waiting list; poll uses <see cref="PollWaiters"/>. Null before the first wait.</summary>
    public DescriptorWaiter? Waiter { get; private set; }

    public DescriptorWaiter[]? PollWaiters { get; set; }

    /// <summary>
    /// It has left, or is about to, from C# and with nothing but its queue to be taken out of: whoever takes it out of that may hand it the carrier. Written by itself, read by
    /// whoever owns it next.
    /// </summary>
    public bool MayBeHandedTo { get; private set; }

    /// <summary>Any thread. A snapshot: its context is saved, and somebody must wake it.</summary>
    public bool IsParked => ParkWord.Read(ref Word).State == ParkState.Parked;

    /// <summary>Whoever has taken its fiber out of a queue: a carrier still stands on its stack, for a few instructions. Acquire; pairs with fibers_switch.</summary>
    public bool IsOccupied => Volatile.Read(ref Native->Context.Occupied) != 0;

    /// <summary>Any thread. A snapshot.</summary>
    public ParkWord State => ParkWord.Read(ref Word);

    /// <summary>Any thread. Means something while it is parked.</summary>
    public ParkReason ParkedReason => (ParkReason)Native->Request.Reason;

    private int Index => (int)Native->Index;

    private ref ulong Word => ref Native->ParkWord;

    /// <summary>Any thread or fiber. Null on an ordinary thread, and on one that is being born or ends.</summary>
    // Not in a thread static of .NET: that is a chain of loads, each in a place of its own, and every fiber would have storage for it that each collection looks at.
    public static new VirtualThread? Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            VirtualThread?[] table = Volatile.Read(ref s_table);
            NativeVThread* self = CurrentNative;
            return self != null && self->Index < (uint)table.Length ? table[self->Index] : null;
        }
    }

    /// <summary>Any thread or fiber. Null on an ordinary thread; from the first instruction of a virtual thread to its last.</summary>
    public static NativeVThread* CurrentNative
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => s_current == null ? null : s_current();
    }

    /// <summary>Any thread. The managed half of a native one that exists.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VirtualThread Of(NativeVThread* native) => Volatile.Read(ref s_table)[native->Index]!;

    /// <summary>Any thread. As <see cref="Of"/>, but the native one may be gone meanwhile: its memory is never given back.</summary>
    public static VirtualThread? Find(NativeVThread* native)
    {
        VirtualThread?[] table = Volatile.Read(ref s_table);
        uint index = native->Index;
        return index < (uint)table.Length && table[index] is { } found && found.Native == native ? found : null;
    }

    /// <summary>The shim is there: from now on it is asked who runs.</summary>
    public static void AskShim() => s_current = (delegate* unmanaged[SuppressGCTransition]<NativeVThread*>)Shim.fibers_vthread_current_function();

    /// <summary>Any thread; blocks it about 30 microseconds. Null with the error number when none can be had.</summary>
    public static VirtualThread? TryCreate(Scheduler scheduler, void* stacks, out int error)
    {
        // Made here: the new thread has a piece of the heap of its own, so what it makes lies far from all else, for every switch and every collection.
        var unborn = new VirtualThread(scheduler);
        using var handle = new GCHandle<VirtualThread>(unborn);
        NativeVThread* native;
        error = Shim.fibers_vthread_create(stacks, scheduler.Inbox.Native, &Main, (void*)GCHandle<VirtualThread>.ToIntPtr(handle), &native);
        return error == 0 ? unborn : null;
    }

    /// <summary>Any thread; blocks it until the virtual thread is gone. It must be idle. False: there is no kernel thread for it to end on now, and it is as it was.</summary>
    public bool TryDestroy()
    {
        Fiber = null;
        return Shim.fibers_vthread_destroy(Native) == 0;
    }

    // The only frame below a body, and a small one: it costs every collection. No slot of it may keep the last fiber alive while the thread is idle, hence the calls
    // that are not inlined; and hence optimized from the first, because other code keeps what it has used.
    [UnmanagedCallersOnly]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Main(NativeVThread* native)
    {
        VirtualThread self = Register(native);
        self.Detach();
        while (Fiber.TryEnter(self))
        {
            try
            {
                self.Fiber!.Invoke();
            }
            catch (Exception thrown)
            {
                self._thrown = thrown;
            }

            self.End();
        }

        Unregister(self);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Detach()
    {
        MayBeHandedTo = true;
        Shim.fibers_vthread_detach(Native);
        Arrive(Native);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void End()
    {
        Fiber.Leave(this);
        LeaveTo(NextAfterEnd(), RequestKind.Finished);
    }

    private static VirtualThread Register(NativeVThread* native)
    {
        native->Cooperative = RuntimeThread.CooperativeFlag(Thread.CurrentThread);
        s_emptyContext ??= ExecutionContext.Capture();
        VirtualThread self = GCHandle<VirtualThread>.FromIntPtr((nint)native->Argument).Target;
        self.BeBorn(native, Thread.CurrentThread);
        lock (s_tableLock)
        {
            if (native->Index >= s_table.Length)
            {
                var grown = new VirtualThread?[Math.Max(s_table.Length * 2, (int)native->Index + 1)];
                s_table.CopyTo(grown, 0);
                Volatile.Write(ref s_table, grown);
            }

            s_table[native->Index] = self;
        }

        return self;
    }

    private void BeBorn(NativeVThread* native, Thread thread)
    {
        Native = native;
        Thread = thread;
    }

    /// <summary>The thread itself, before a body. Null: the spawner had suppressed the flow.</summary>
    public void EnterContext(ExecutionContext? context)
    {
        if (context is not null && context != s_emptyContext)
            ExecutionContext.Restore(context);
    }

    /// <summary>The thread itself, between two bodies. What one has changed must not stay for the next.</summary>
    public void RestoreContext()
    {
        ExecutionContext.Restore(s_emptyContext!);
        if (SynchronizationContext.Current is not null)
            SynchronizationContext.SetSynchronizationContext(null);
        Note(null, null);
        Thread thread = Thread!;
        if (thread.Name is not null)
            thread.Name = null;
        if (!thread.IsBackground)
            thread.IsBackground = true; // else it would keep the process
        if (thread.Priority != ThreadPriority.Normal)
            thread.Priority = ThreadPriority.Normal;
    }

    private static void Unregister(VirtualThread self)
    {
        lock (s_tableLock)
            s_table[self.Index] = null;
    }

    /// <summary>The thread itself: what the body has thrown, once.</summary>
    public Exception? TakeThrown()
    {
        Exception? thrown = _thrown;
        _thrown = null;
        return thrown;
    }

    // Pins. Not inlined, as Main's other calls.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private VirtualThread? NextAfterEnd()
    {
        Pin();
        return PinnedCarrier?.JoinerByHand(Fiber!);
    }

    // ---- carrying a fiber: whoever owns both for the moment ----------------------------------------------

    /// <summary>It will run that fiber's body, which has begun.</summary>
    public void Carry(Fiber fiber)
    {
        Fiber = fiber;
        fiber.VirtualThread = this;
    }

    /// <summary>Whoever performs its request. Made when first needed: many park in ways that need none, and every collection looks at each.</summary>
    public TimerNode NeedTimer() => Timer ??= new TimerNode(this);

    /// <inheritdoc cref="NeedTimer"/>
    public DescriptorWaiter NeedWaiter() => Waiter ??= new DescriptorWaiter(this);

    // ---- parking: the fiber itself -------------------------------------------------------------------

    public override bool Stands(out ulong number)
    {
        ParkWord word = ParkWord.Read(ref Word);
        number = word.Number;
        return word.State == ParkState.Parked && IsInside((ParkReason)Native->Request.Reason) && Native->Request.DeadlineNs == Clock.Never;
    }

    // Pinned from Begin to Park or Abandon: what lies between may allocate or take a lock, and a hidden wait of the runtime that
    // parked there would use the next number, and leave this one to nobody.
    public override ulong Begin(ParkReason reason)
    {
        Pin();
        Reason = reason;
        ulong number = new ParkWord(Word).Number + 1;
        Native->Request.Reason = (uint)reason;
        Native->Request.ParkNumber = number;
        Volatile.Write(ref Word, ParkWord.Pack(number, Parking.Wake.None, ParkState.Parking).Raw); // release; pairs with TryWake's read
        return number;
    }

    public override Wake Park(long deadlineNs)
    {
        NativeVThread* native = Native;
        native->Request.DeadlineNs = deadlineNs;
        MayBeHandedTo = deadlineNs == Clock.Never; // else there is a timer to take back first
        VirtualThread? next = MayBeHandedTo ? PinnedCarrier?.NextByHand() : null;
        var wake = (Wake)Shim.fibers_park(native, next is null ? null : next.Native); // unpins, and settles the park word, where nothing hidden can come between
        Arrive(native);
        return wake;
    }

    public override Wake Abandon()
    {
        ParkWord word = ParkWord.Read(ref Word);
        if (!ParkWord.TryChange(ref Word, ParkWord.Pack(word.Number, Parking.Wake.None, ParkState.Parking), ParkWord.Pack(word.Number, Parking.Wake.None, ParkState.Running)))
        {
            word = ParkWord.Read(ref Word); // notified
            Volatile.Write(ref Word, ParkWord.Pack(word.Number, Parking.Wake.None, ParkState.Running).Raw);
        }

        Unpin();
        return word.Wake;
    }

    public void Yield()
    {
        Pin();
        Native->Request.Reason = (uint)ParkReason.Yield;
        Carrier? carrier = PinnedCarrier;
        VirtualThread? next = carrier?.NextByHand();
        if (next is not null && Probe.Current is null) // an observer is told after the switch, by whoever performs the request
            BeQueued(carrier!);
        LeaveTo(next, RequestKind.Yield);
    }

    // Before it has left, so that nobody has to look at it after the switch. Whoever takes it out of the queue waits for the switch (Linux does the same: on_cpu).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void BeQueued(Carrier carrier)
    {
        MayBeHandedTo = true;
        Native->Context.Occupied = 1; // before the push, which releases it; pairs with IsOccupied
        carrier.PushYielded(Fiber!);
    }

    // Pinned; unpins. Null: to the carrier.
    private void LeaveTo(VirtualThread? next, RequestKind kind)
    {
        NativeVThread* native = Native;
        MayBeHandedTo = true;
        Shim.fibers_leave_to(native, (uint)kind, next is null ? null : next.Native);
        Arrive(native);
    }

    // After every crossing that was made here, and never anywhere else: a fiber that left from native code goes on there, where no request can
    // be performed.
    private void Arrive(NativeVThread* native)
    {
        MayBeHandedTo = false;
        if (native->HandedBy != null)
            TakeOver(native);
    }

    // Another fiber has handed its carrier to this one. Pinned by the crossing (arrive in vthread_run.c).
    private void TakeOver(NativeVThread* native)
    {
        NativeVThread* left = native->HandedBy;
        native->HandedBy = null;
        bool mayStay = PinnedCarrier!.TakeOver(Of(left), this, native);
        native->Pinned--;
        if (!mayStay)
            Yield();
    }

    // ---- waking: anybody ------------------------------------------------------------------------------

    public override bool IsPast(ulong number) => ParkWord.Read(ref Word).Number != number;

    public override bool TryWake(ulong number, Wake wake)
    {
        ParkWord word = ParkWord.Read(ref Word);
        while (word.Number == number && word.State is ParkState.Parking or ParkState.Parked)
        {
            ParkState next = word.State == ParkState.Parking ? ParkState.Notified : ParkState.Runnable;
            if (next == ParkState.Notified && Probe.Current is not null)
                _notifier = new Notifier(number, Fiber.Current, Carrier.Current);
            if (ParkWord.TryChange(ref Word, word, ParkWord.Pack(number, wake, next)))
            {
                if (next == ParkState.Runnable)
                {
                    Probe.Current?.Woken(Fiber!, wake, Fiber.Current, Carrier.Current);
                    Scheduler.Enqueue(Fiber!); // parked: nobody but us may touch it until it is queued
                }

                return true;
            }

            word = ParkWord.Read(ref Word);
        }

        return false;
    }

    /// <summary>A fiber of its scheduler, pinned, that switches to it at once if it gets it. As <see cref="TryWake"/>, for a park that may be ended so.</summary>
    public bool TryTake(ulong number)
    {
        // Whoever found the number where it was published sees this as it has been since before, until the park is ended.
        return MayBeHandedTo && ParkWord.TryChange(ref Word, ParkWord.Pack(number, Parking.Wake.None, ParkState.Parked), ParkWord.Pack(number, Parking.Wake.Unparked, ParkState.Runnable));
    }

    /// <summary>The carrier that makes it runnable because somebody woke it while it was leaving.</summary>
    public void ReportNotified(Probe probe, ParkWord word)
    {
        Notifier? by = _notifier;
        if (by?.Number != word.Number)
            by = null; // of an earlier park, or none: native code
        probe.Woken(Fiber!, word.Wake, by?.Fiber, by?.Carrier);
    }

    private sealed record Notifier(ulong Number, Fiber? Fiber, Carrier? Carrier);

    // ---- looking ahead: a carrier that will run it soon, or thinks so -----------------------------------------

    /// <summary>Its native half comes into the cache. On x64 only, as <see cref="FetchStack"/>.</summary>
    public void FetchNative() => Sse.Prefetch0(Native);

    /// <summary>So does the top of its stack, with its thread block. What it reads of one that runs elsewhere meanwhile is useless, but there: native halves are never given back.</summary>
    public void FetchStack()
    {
        ref readonly NativeContext context = ref Native->Context;
        for (int line = 0; line < 3; line++)
            Sse.Prefetch0((byte*)context.StackPointer + line * CacheLine);
        Sse.Prefetch0((byte*)context.ThreadPointer - CacheLine); // thread-locals end there
    }

    // ---- pinning: the fiber itself ----------------------------------------------------------------------

    /// <summary>
    /// Fiber only. Until <see cref="Unpin"/> nothing moves this fiber off its carrier, not even a hidden wait inside the
    /// runtime: those block the kernel thread. For the few lines that touch a carrier's own data.
    /// </summary>
    public void Pin() => Native->Pinned++;

    /// <summary>Fiber only.</summary>
    public void Unpin() => Native->Pinned--;

    /// <summary>Fiber only, while pinned. Null on the rescue carrier.</summary>
    // As last time, mostly: then the processor need not wait for the chain of loads of a look-up.
    public Carrier? PinnedCarrier => _lastCarrier is { } last && last.Native == Native->Carrier ? last : _lastCarrier = Scheduler.CarrierAt(Native->Carrier->Index);
}
