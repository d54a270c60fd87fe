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
    private static Parker? t_current; // per fiber too: a virtual thread has thread statics of its own

    /// <summary>Any thread or fiber. The caller's own parker.</summary>
    public static Parker Current => t_current ??= new ThreadParker();

    /// <summary>Called once by each virtual thread, for itself.</summary>
    protected static void Adopt(Parker parker) => t_current = parker;

    /// <summary>The current virtual thread, or null on an ordinary thread.</summary>
    public static Parker? CurrentOrNull => t_current;

    /// <summary>Owner only. From here <see cref="TryWake"/> with the returned number may succeed.</summary>
    public abstract ulong Begin(ParkReason reason);

    /// <summary>Owner only; parks. Returns why it was woken. <paramref name="deadlineNs"/>: monotonic, <see cref="Clock.Never"/> for none.</summary>
    public abstract Wake Park(long deadlineNs);

    /// <summary>Owner only; never parks. Takes <see cref="Begin"/> back. Returns the wake that came meanwhile, or None.</summary>
    public abstract Wake Abandon();

    /// <summary>Any thread; never parks. True for the one caller that wakes this park.</summary>
    public abstract bool TryWake(ulong number, Wake wake);
}
