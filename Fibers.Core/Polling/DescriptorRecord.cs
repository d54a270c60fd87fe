using Fibers.Parking;

namespace Fibers.Polling;

/// <summary>What one scheduler knows of one descriptor number. Everything is guarded by the record's own lock.</summary>
internal sealed class DescriptorRecord(int descriptor)
{
    public readonly int Descriptor = descriptor;
    public uint Generation;  // of the file these fields are about
    public bool Registered;  // with the poller, until that file is closed
    public DescriptorWaiter? First;

    public void Link(DescriptorWaiter waiter)
    {
        waiter.Record = this;
        waiter.Previous = null;
        waiter.Next = First;
        if (First is not null)
            First.Previous = waiter;
        First = waiter;
    }

    public void Unlink(DescriptorWaiter waiter)
    {
        if (waiter.Record != this)
            return;
        if (waiter.Previous is null)
            First = waiter.Next;
        else
            waiter.Previous.Next = waiter.Next;
        if (waiter.Next is not null)
            waiter.Next.Previous = waiter.Previous;
        waiter.Next = waiter.Previous = null;
        waiter.Record = null;
    }

    /// <summary>Wakes all who wait for any of <paramref name="events"/>: an edge comes once, so waking one of two would lose it for the other.</summary>
    public void WakeAll(uint events, Wake wake)
    {
        for (DescriptorWaiter? waiter = First, next; waiter is not null; waiter = next)
        {
            next = waiter.Next;
            if ((waiter.Events & events) == 0 && wake == Wake.Ready)
                continue;
            Unlink(waiter);
            waiter.Thread.TryWake(waiter.Number, wake);
        }
    }
}
