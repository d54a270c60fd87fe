using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers;

public partial class Fiber
{
    /// <summary>Lets others run; returns when it is this fiber's turn again. On an ordinary thread: <see cref="Thread.Yield"/>.</summary>
    public static void Yield()
    {
        if (VirtualThread.Current is { } self)
            self.Yield();
        else
            Thread.Yield();
    }

    /// <summary>Parks the fiber for at least <paramref name="duration"/> (microseconds fine); blocks an ordinary thread. Unmodified code may as well call <see cref="Thread.Sleep(TimeSpan)"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative time other than <see cref="Timeout.InfiniteTimeSpan"/>.</exception>
    public static void Sleep(TimeSpan duration)
    {
        long deadline = Clock.After(duration, nameof(duration));
        if (duration == TimeSpan.Zero)
        {
            Yield();
            return;
        }

        Parker parker = Parker.Current;
        while (deadline == Clock.Never || Clock.Now < deadline)
        {
            parker.Begin(ParkReason.Sleep);
            parker.Park(deadline);
        }
    }
}
