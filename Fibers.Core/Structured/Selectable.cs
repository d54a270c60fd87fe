using Fibers.Scheduling;

namespace Fibers;

/// <summary>Something a select can wait for: it has a latch, and an order in which several latches are taken.</summary>
internal abstract class Selectable
{
    private static long s_lastOrder;

    public Latch Latch; // a field: a latch is a mutable struct

    public long Order { get; } = Interlocked.Increment(ref s_lastOrder);

    /// <summary>Takes the latch. False: it is in no list any more; for a <see cref="ChannelCell"/> that means that it was won, and everything is there.</summary>
    public bool TryRemove(Waiter waiter)
    {
        var scope = Latch.Enter();
        bool there = waiter.List is not null;
        waiter.List?.Remove(waiter);
        Latch.Exit(scope);
        return there;
    }
}
