using Fibers.Parking;

namespace Fibers;

/// <summary>Of a party that parks, fiber or ordinary thread, and waits in one list: the latch of that list settles who completes the wait.</summary>
/// <remarks>
/// Whoever takes the waiter out of its list has won it, and has filled it when the latch is free again; so the waiter gives up, and begins to park again, under the
/// same latch. A party waits once at a time, and its parker keeps the waiter with this cell for the next wait. A winner that is late with its <see cref="Wake"/> may
/// meet that next wait: then it is woken for nothing, and waits again.
/// </remarks>
internal sealed class ChannelCell(Parker parker) : WaitCell
{
    private ulong _number;

    /// <summary>Owner only, when its wait is over.</summary>
    public void GiveBack(Waiter waiter)
    {
        waiter.Reset();
        parker.Kept = waiter;
    }

    public override bool TryWin(Waiter waiter) => true;

    /// <summary>Owner only, under the latch, before its waiter is in the list.</summary>
    public void Begin() => Volatile.Write(ref _number, parker.Begin(ParkReason.Channel));

    public override void Wake() => parker.TryWake(Volatile.Read(ref _number), Parking.Wake.Unparked);

    /// <summary>Owner only; parks. False: the deadline came first. Then, and after an exception, the waiter is in no list.</summary>
    /// <exception cref="OperationCanceledException">The fiber was cancelled, and nobody had won.</exception>
    public bool Wait(Waiter waiter, Selectable source, long deadlineNs, object waitsFor)
    {
        do
        {
            Wake wake = parker is ThreadParker ? BlockOrWin(waiter, source, deadlineNs, waitsFor) : Fiber.ParkHere(parker, deadlineNs, waitsFor);
            if (waiter.IsFilled)
                return true;
            switch (wake)
            {
                case Parking.Wake.Timeout:
                    return !source.TryRemove(waiter);
                case Parking.Wake.Canceled when Fiber.Current is { MustDeliver: true } self && source.TryRemove(waiter):
                    self.TryDeliver();
                    throw self.CanceledHere();
            }
        }
        while (BeginAgain(waiter, source)); // woken for nothing

        return true;
    }

    // The wait of an ordinary thread can be interrupted by others, or fail. Not in Wait: calls into the shim are cheaper outside a try.
    private Wake BlockOrWin(Waiter waiter, Selectable source, long deadlineNs, object waitsFor)
    {
        try
        {
            return Fiber.ParkHere(parker, deadlineNs, waitsFor);
        }
        catch (Exception exception)
        {
            if (source.TryRemove(waiter))
                throw;
            Postpone(exception);
            return Parking.Wake.Unparked;
        }
    }

    // False: somebody has won after all.
    private bool BeginAgain(Waiter waiter, Selectable source)
    {
        var scope = source.Latch.Enter();
        bool waits = waiter.List is not null;
        if (waits)
            Begin();
        source.Latch.Exit(scope);
        return waits;
    }
}
