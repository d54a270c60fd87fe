using Fibers.Parking;

namespace Fibers;

/// <summary>Of a party that waits in several lists, or gives up without a latch: a word of its own settles who completes the wait.</summary>
/// <remarks>
/// What: the arbiter between all who could complete a wait (the other side of a channel, a close, an ended fiber) and the waiter itself when it gives
/// up. Invariant: <see cref="_winner"/> goes from null to its final value once; nothing is handed over before that exchange succeeds, so no item is lost
/// or doubled when a select, a time-out and a cancellation race. Who: anybody. Ordering: the exchange is a full fence; filled is a release that pairs with
/// AwaitFilled, because a waiter may see that it was won before it is woken.
/// </remarks>
internal abstract class ContestedCell : WaitCell
{
    private object? _winner;

    /// <summary>Who won, or null.</summary>
    public object? Winner => Volatile.Read(ref _winner);

    public override bool TryWin(Waiter waiter) => TrySettle(waiter);

    /// <summary>The waiting party. True: nobody has completed the wait, and nobody will.</summary>
    public bool TryGiveUp() => TrySettle(this);

    private bool TrySettle(object winner) => Interlocked.CompareExchange(ref _winner, winner, null) is null;
}

/// <summary>Waits by parking: fibers and ordinary threads.</summary>
internal sealed class SelectCell(Parker parker, object waitsFor) : ContestedCell
{
    private ulong _number;

    /// <summary>Owner only, before the cell is registered anywhere.</summary>
    public void Begin() => Volatile.Write(ref _number, parker.Begin(ParkReason.Select));

    public override void Wake() => parker.TryWake(Volatile.Read(ref _number), Parking.Wake.Unparked);

    public void Abandon() => parker.Abandon();

    /// <summary>Owner only; parks. Returns the winner, filled, or null when the deadline came first.</summary>
    /// <exception cref="OperationCanceledException">The fiber was cancelled, and nobody had won.</exception>
    public Waiter? Wait(long deadlineNs)
    {
        while (true)
        {
            try
            {
                switch (Fiber.ParkHere(parker, deadlineNs, waitsFor))
                {
                    case Parking.Wake.Timeout when TryGiveUp():
                        return null;
                    case Parking.Wake.Canceled when Fiber.Current is { MustDeliver: true } self && TryGiveUp():
                        self.TryDeliver();
                        throw self.CanceledHere();
                }
            }
            catch (Exception exception)
            {
                if (Winner == this || TryGiveUp())
                    throw;
                Postpone(exception);
            }

            if (Winner is null && BeginAgain())
                continue; // a request to cancel that is held back
            var winner = (Waiter)Winner!;
            winner.AwaitFilled();
            return winner;
        }
    }

    // False: somebody has won after all.
    private bool BeginAgain()
    {
        Begin();
        Interlocked.MemoryBarrier(); // pairs with TrySettle: the winner reads the new number, or we see the winner
        if (Winner is null)
            return true;
        Abandon();
        return false;
    }
}

/// <summary>Waits by a task: async code.</summary>
internal sealed class TaskCell : ContestedCell
{
    private readonly TaskCompletionSource<object> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<object> Task => _source.Task;

    public override void Wake() => _source.TrySetResult(Winner!);
}
