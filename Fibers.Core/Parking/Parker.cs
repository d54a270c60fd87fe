using Fibers.VirtualThreads;

namespace Fibers.Parking;

/// <summary>
/// Puts the current flow of control aside and wakes it again. Everything that waits in C# (join, sleep, channels)
/// is written against this, so it works alike on fibers and on ordinary threads.
/// </summary>
/// <remarks>
/// One park at a time: <see cref="Begin"/>, publish (this, number) where a waker will find it, then <see cref="Park"/>
/// or <see cref="Abandon"/>. Any number of wakers may call <see cref="TryWake"/>; one wins.
/// </remarks>
internal abstract class Parker
{
    [ThreadStatic]
    private static ThreadParker? t_thread; // an ordinary thread's own

    private long _sinceMs;

    /// <summary>The fiber whose body stands on top of its stack, its own or one that runs inline; null: none. Requests to cancel are that one's. Written by the owner.</summary>
    public Fiber? Running { get; set; }

    // ---- what it waits for, for people and for the finder of deadlocks: written by the owner before it parks, read while it stands ----

    /// <summary>The fiber that waits, which may run inline on another's stack. Null: an ordinary thread.</summary>
    public Fiber? Party { get; private set; }

    public object? WaitsFor { get; private set; }

    public ParkReason Reason { get; protected set; }

    /// <summary>Any thread. When it parked, as <see cref="Environment.TickCount64"/> has it or some ten milliseconds earlier; means something while it stands.</summary>
    public long SinceMs => Volatile.Read(ref _sinceMs);

    /// <summary>The owner before it parks, or whoever performs its request to.</summary>
    public void ParkedAt(long coarseMs) => Volatile.Write(ref _sinceMs, coarseMs);

    /// <summary>Owner only. What its last wait was made of, for the next one.</summary>
    public object? Kept { get; set; }

    /// <summary>Owner only. <see cref="Kept"/>, once, if it is of that type. A wait that is cut short does not give it back.</summary>
    public T? TakeKept<T>() where T : class
    {
        if (Kept is not T kept)
            return null;
        Kept = null;
        return kept;
    }

    /// <summary>Owner only, before it parks.</summary>
    public void Note(Fiber? party, object? waitsFor)
    {
        if (Party != party) // a write of a reference costs more than a look
            Party = party;
        if (WaitsFor != waitsFor)
            WaitsFor = waitsFor;
    }

    /// <summary>Any thread. True: it is parked, and only a party to the same runtime's parks can wake it.</summary>
    public virtual bool Stands(out ulong number)
    {
        number = 0;
        return false;
    }

    protected static bool IsInside(ParkReason reason) => reason is ParkReason.Join or ParkReason.Channel or ParkReason.Select or ParkReason.Park;

    /// <summary>Any thread or fiber. The caller's own parker.</summary>
    public static Parker Current => VirtualThread.Current ?? (Parker)(t_thread ??= new ThreadParker());

    /// <summary>As <see cref="Current"/>, but null on an ordinary thread that has not needed one.</summary>
    public static Parker? CurrentOrNull => VirtualThread.Current ?? (Parker?)t_thread;

    /// <summary>Owner only. From here <see cref="TryWake"/> with the returned number may succeed.</summary>
    public abstract ulong Begin(ParkReason reason);

    /// <summary>Owner only; parks. Returns why it was woken. <paramref name="deadlineNs"/>: monotonic, <see cref="Clock.Never"/> for none.</summary>
    public abstract Wake Park(long deadlineNs);

    /// <summary>Owner only; never parks. Takes <see cref="Begin"/> back. Returns the wake that came meanwhile, or None.</summary>
    public abstract Wake Abandon();

    /// <summary>Any thread. The park of that number is over for good: its owner has begun another.</summary>
    public abstract bool IsPast(ulong number);

    /// <summary>Any thread; never parks. True for the one caller that wakes this park.</summary>
    public abstract bool TryWake(ulong number, Wake wake);
}
