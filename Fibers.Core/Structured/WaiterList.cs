namespace Fibers;

/// <summary>A waiter in one queue: links, its cell, and what the winner hands over. Guarded by the latch of the queue's owner until won.</summary>
internal class Waiter(WaitCell cell)
{
    public readonly WaitCell Cell = cell;
    public WaiterList? List;
    public Waiter? Next;
    public Waiter? Previous;
    public bool Closed; // written by the winner: the wait ended because the other side is gone
    private bool _filled;

    /// <summary>Its owner, before it waits again.</summary>
    public virtual void Reset()
    {
        Closed = false;
        _filled = false;
    }

    /// <summary>The winner, under the latch, when it has written everything.</summary>
    public void MarkFilled() => Volatile.Write(ref _filled, true);

    /// <summary>The waiter. True: it was won, and everything is there.</summary>
    public bool IsFilled => Volatile.Read(ref _filled);

    /// <summary>The waiter. The winner holds a latch meanwhile, so it is a matter of instructions.</summary>
    public void AwaitFilled()
    {
        for (int round = 0; !IsFilled; round++)
            Scheduling.Latch.Backoff(round);
    }
}

/// <summary>First in, first out, with removal from the middle. Guarded by its owner's latch.</summary>
internal sealed class WaiterList
{
    private Waiter? _first;
    private Waiter? _last;

    public bool IsEmpty => _first is null;

    public void Add(Waiter waiter)
    {
        waiter.List = this;
        waiter.Previous = _last;
        waiter.Next = null;
        if (_last is null)
            _first = waiter;
        else
            _last.Next = waiter;
        _last = waiter;
    }

    public void Remove(Waiter waiter)
    {
        if (waiter.List != this)
            return;
        if (waiter.Previous is null)
            _first = waiter.Next;
        else
            waiter.Previous.Next = waiter.Next;
        if (waiter.Next is null)
            _last = waiter.Previous;
        else
            waiter.Next.Previous = waiter.Previous;
        waiter.Next = waiter.Previous = null;
        waiter.List = null;
    }

    /// <summary>The oldest that can still be won, won and taken out; those that gave up are dropped on the way.</summary>
    public Waiter? Win()
    {
        while (_first is { } waiter)
        {
            Remove(waiter);
            if (waiter.Cell.TryWin(waiter))
                return waiter;
        }

        return null;
    }
}
