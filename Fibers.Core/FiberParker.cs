using System.Diagnostics;
using Fibers.Parking;

namespace Fibers;

/// <summary>
/// The least that waiting needs, for people who build their own: <see cref="Park()"/> waits for a permit and takes it, <see cref="Unpark"/> gives it. There is at
/// most one permit, so an <see cref="Unpark"/> that comes first is not lost, and two count as one. (Java: <c>LockSupport</c>.)
/// </summary>
/// <remarks>Invariant: the state is "no permit", "a permit", or the one party that waits. One party at a time may park here; anybody may unpark.</remarks>
[DebuggerDisplay("FiberParker permit: {HasPermit}")]
public sealed class FiberParker
{
    private static readonly object s_permit = new();
    private object? _state; // null: no permit; s_permit; or a Parked

    /// <summary>True while a permit is there to be taken; a snapshot. Never parks.</summary>
    public bool HasPermit => Volatile.Read(ref _state) == s_permit;

    /// <summary>Waits for the permit and takes it. A cancellation point. Parks a fiber, blocks a thread.</summary>
    /// <exception cref="OperationCanceledException">The fiber was cancelled; a permit that was there is still there.</exception>
    /// <exception cref="InvalidOperationException">Somebody else is parked here.</exception>
    public void Park() => Park(Clock.Never);

    /// <summary>As <see cref="Park()"/>, for at most <paramref name="timeout"/>. False: no permit came in time.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative time other than <see cref="Timeout.InfiniteTimeSpan"/>.</exception>
    /// <exception cref="OperationCanceledException">The fiber was cancelled; a permit that was there is still there.</exception>
    /// <exception cref="InvalidOperationException">Somebody else is parked here.</exception>
    public bool Park(TimeSpan timeout) => Park(Clock.After(timeout, nameof(timeout)));

    /// <summary>Gives the permit; whoever is parked wakes and takes it. Any thread; never parks; no cancellation point.</summary>
    public void Unpark()
    {
        // Full fence: what the caller wrote before is visible to whoever takes the permit.
        if (Interlocked.Exchange(ref _state, s_permit) is Parked waiting)
            waiting.Parker.TryWake(waiting.Number, Wake.Unparked);
    }

    private bool Park(long deadlineNs)
    {
        while (!TryTake())
        {
            Parker parker = Parker.Current;
            var waiting = Parked.Begin(parker);
            object? seen = Interlocked.CompareExchange(ref _state, waiting, null);
            if (seen is not null)
            {
                parker.Abandon();
                if (seen is Parked)
                    throw new InvalidOperationException("Somebody else is parked here.");
                continue; // a permit has come meanwhile
            }

            Wake wake = Wake.None;
            bool unparked;
            try
            {
                wake = Fiber.ParkHere(parker, deadlineNs, "a FiberParker");
            }
            finally
            {
                unparked = Interlocked.CompareExchange(ref _state, null, waiting) != waiting;
            }

            if (unparked)
                continue;
            if (wake == Wake.Timeout)
                return false;
            if (wake == Wake.Canceled && Fiber.Current is { } self && self.TryDeliver())
                throw self.CanceledHere();
        }

        return true;
    }

    private bool TryTake() => Interlocked.CompareExchange(ref _state, null, s_permit) == s_permit;

    private sealed class Parked(Parker parker)
    {
        public readonly Parker Parker = parker;

        public ulong Number { get; private set; }

        // Made before its park begins: in between, want of memory would leave that park open.
        public static Parked Begin(Parker parker)
        {
            var parked = new Parked(parker);
            parked.Number = parker.Begin(ParkReason.Park);
            return parked;
        }
    }
}
