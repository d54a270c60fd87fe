using Fibers.Scheduling;

namespace Fibers;

/// <summary>Something a select can wait for: it has a latch, and an order in which several latches are taken.</summary>
internal abstract class Selectable
{
    private static long s_lastOrder;

    public Latch Latch; // a field: a latch is a mutable struct

    public long Order { get; } = Interlocked.Increment(ref s_lastOrder);
}
