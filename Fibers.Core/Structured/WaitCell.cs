using Fibers.Parking;

namespace Fibers;

/// <summary>One waiting party, registered in one or several places, to be won once.</summary>
/// <remarks>
/// What: the arbiter between all who could complete a wait (the other side of a channel, a close, an ended fiber) and the waiter itself when it gives
/// up. Invariant: <see cref="_winner"/> goes from null to its final value once; nothing is handed over before that exchange succeeds, so no item is lost
/// or doubled when a select, a time-out and a cancellation race. Who: anybody tries to win; then the winner fills its waiter, marks it filled (both under
/// the latch), and wakes. Ordering: the exchange is a full fence; filled is a release that pairs with AwaitFilled, because a waiter may see that it was won
/// before it is woken.
/// </remarks>
internal abstract class WaitCell
{
    private object? _winner;

    /// <summary>Who won, or null.</summary>
    public object? Winner => Volatile.Read(ref _winner);

    /// <summary>Any thread. True for the one that may complete this wait. It must call <see cref="Wake"/> afterwards.</summary>
    public bool TryWin(object waiter) => Interlocked.CompareExchange(ref _winner, waiter, null) is null;

    /// <summary>The winner, once, outside any latch.</summary>
    public abstract void Wake();

    /// <summary>The waiter, when nobody can try to win it any more.</summary>
    protected void Reset() => _winner = null;
}

/// <summary>Waits by parking: fibers and ordinary threads.</summary>
/// <remarks>
/// A party waits once at a time, so its parker keeps the cell, and the waiter that was in it, for the next wait. A winner that is late with its <see cref="Wake"/> may meet that next wait:
/// then it is woken for nothing, and waits again.
/// </remarks>
internal sealed class ParkCell : WaitCell
{
    private readonly Parker _parker;
    private readonly ParkReason _reason;
    private object? _waitsFor;
    private Waiter? _kept;
    private ulong _number;

    /// <param name="parker">The caller's own.</param>
    /// <param name="reason">Why it will park.</param>
    /// <param name="waitsFor">What for: dumps say it.</param>
    public ParkCell(Parker parker, ParkReason reason, object waitsFor) => (_parker, _reason, _waitsFor) = (parker, reason, waitsFor);

    /// <summary>As the constructor, but the cell that was given back last, if there is one. For waits that have one waiter.</summary>
    public static ParkCell Rent(Parker parker, ParkReason reason, object waitsFor)
    {
        if (parker.Kept is not ParkCell cell || cell._reason != reason)
            return new ParkCell(parker, reason, waitsFor);
        parker.Kept = null; // an interrupted wait does not give it back
        cell._waitsFor = waitsFor;
        return cell;
    }

    /// <summary>Owner only: the waiter it was given back with, once, if it has that type.</summary>
    public TWaiter? TakeKept<TWaiter>() where TWaiter : Waiter
    {
        var kept = _kept as TWaiter;
        _kept = null;
        return kept;
    }

    /// <summary>Owner only, when the wait is over and the one waiter is in no list.</summary>
    public void GiveBack(Waiter waiter)
    {
        Reset();
        waiter.Reset();
        _waitsFor = null;
        _kept = waiter;
        _parker.Kept = this;
    }

    /// <summary>Owner only, before the cell is registered anywhere.</summary>
    public void Begin() => Volatile.Write(ref _number, _parker.Begin(_reason));

    public override void Wake() => _parker.TryWake(Volatile.Read(ref _number), Parking.Wake.Unparked);

    public void Abandon() => _parker.Abandon();

    /// <summary>Owner only; parks. Returns the winner, filled, or null when the deadline came first.</summary>
    /// <exception cref="OperationCanceledException">The fiber was cancelled, and nobody had won.</exception>
    public Waiter? Wait(long deadlineNs)
    {
        while (true)
        {
            switch (Fiber.ParkHere(_parker, deadlineNs, _waitsFor))
            {
                case Parking.Wake.Timeout when TryWin(this):
                    return null;
                case Parking.Wake.Canceled when Fiber.Current is { MustDeliver: true } self && TryWin(this):
                    self.TryDeliver();
                    throw self.CanceledHere();
            }

            if (Winner is null && BeginAgain())
                continue; // woken for nothing
            var winner = (Waiter)Winner!;
            winner.AwaitFilled();
            return winner;
        }
    }

    // False: somebody has won after all.
    private bool BeginAgain()
    {
        Begin();
        Interlocked.MemoryBarrier(); // pairs with TryWin: the winner reads the new number, or we see the winner
        if (Winner is null)
            return true;
        Abandon();
        return false;
    }
}

/// <summary>Waits by a task: async code.</summary>
internal sealed class TaskCell : WaitCell
{
    private readonly TaskCompletionSource<object> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<object> Task => _source.Task;

    public override void Wake() => _source.TrySetResult(Winner!);
}
