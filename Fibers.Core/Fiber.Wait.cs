using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers;

public partial class Fiber
{
    /// <summary>Lets others run; returns when it is this fiber's turn again. On an ordinary thread: <see cref="Thread.Yield"/>. Gives way rather than parks: not a cancellation point.</summary>
    public static void Yield()
    {
        if (VirtualThread.Current is { } self)
            self.Yield();
        else
            Thread.Yield();
    }

    /// <summary>Parks the fiber for at least <paramref name="duration"/> (microseconds fine); blocks an ordinary thread. A cancellation point. Unmodified code may as well call <see cref="Thread.Sleep(TimeSpan)"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative time other than <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>.</exception>
    /// <exception cref="OperationCanceledException">The fiber was cancelled.</exception>
    public static void Sleep(TimeSpan duration)
    {
        long deadline = Clock.After(duration, nameof(duration));
        if (duration == TimeSpan.Zero)
        {
            ThrowIfCanceled();
            Yield();
            return;
        }

        Parker parker = Parker.Current;
        while (deadline == Clock.Never || Clock.Now < deadline)
        {
            parker.Begin(ParkReason.Sleep);
            if (ParkHere(parker, deadline) == Wake.Canceled && Current is { } self && self.TryDeliver())
                throw self.CanceledHere();
        }
    }

    /// <summary>
    /// Fiber or thread; parks. As <see cref="Parker.Park"/>, but a pending cancellation of the current fiber ends it at once. The caller delivers it, or
    /// waits again.
    /// </summary>
    internal static Wake ParkHere(Parker parker, long deadlineNs, object? waitsFor = null)
    {
        Fiber? self = parker.Running;
        if (self is { _cancelUsed: true })
        {
            self.CatchInterrupt();
            if (self.MustDeliver)
            {
                Wake wake = parker.Abandon();
                return wake == Wake.None ? Wake.Canceled : wake;
            }
        }

        parker.Note(self, waitsFor);
        return parker is ThreadParker thread ? BlockHere(thread, deadlineNs) : parker.Park(deadlineNs);
    }

    private static Wake BlockHere(ThreadParker thread, long deadlineNs)
    {
        thread.SetDeadline(deadlineNs);
        try
        {
            if ((thread.Running?.Runtime ?? thread.Guest) is not { } runtime || deadlineNs != Clock.Never)
                return thread.Park(deadlineNs);
            Wake wake = runtime.Deadlocks.Park(thread, deadlineNs);
            return wake == Wake.Failed ? throw thread.TakeDeadlock() : wake;
        }
        finally
        {
            thread.Note(null, null); // else it would live as long as the thread waits for nothing else
        }
    }
}
