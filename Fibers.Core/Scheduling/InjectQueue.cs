namespace Fibers.Scheduling;

/// <summary>Runnable fibers that no carrier owns: spawned or woken from outside, or too many for one queue. First in, first out.</summary>
/// <remarks>
/// A list through <see cref="Fiber.QueueNext"/>, so that nothing is allocated, guarded by its latch. Invariant: a fiber is in at most one
/// queue. Any thread may call everything. <see cref="Count"/> is read without the latch: a carrier that sees 0 may have just missed
/// one, and looks again before it sleeps.
/// </remarks>
internal sealed class InjectQueue
{
    private Latch _latch;
    private Fiber? _first;
    private Fiber? _last;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Push(Fiber fiber)
    {
        Latch.Scope scope = _latch.Enter();
        Append(fiber, fiber, 1);
        _latch.Exit(scope);
    }

    /// <summary>A chain through <see cref="Fiber.QueueNext"/>, as long as it says.</summary>
    public void Push(Fiber first, Fiber last, int count)
    {
        Latch.Scope scope = _latch.Enter();
        Append(first, last, count);
        _latch.Exit(scope);
    }

    public Fiber? Pop()
    {
        if (Count == 0)
            return null;
        Latch.Scope scope = _latch.Enter();
        Fiber? first = TakeFirst();
        _latch.Exit(scope);
        return first;
    }

    /// <summary>Carrier only, into its own queue. Takes a fair share; returns one to run at once, or null.</summary>
    public Fiber? PopInto(RunQueue own, int carriers)
    {
        int count = Count;
        if (count == 0)
            return null;
        // The ring has room for the share, so Push does not come back here while the latch is held.
        Latch.Scope scope = _latch.Enter();
        Fiber? first = TakeFirst();
        int share = Math.Min(Math.Min(_count, count / carriers), RunQueue.Capacity / 2 - Math.Max(own.Count, 0));
        for (; share > 0; share--)
            own.Push(TakeFirst()!, this);
        _latch.Exit(scope);
        return first;
    }

    private void Append(Fiber first, Fiber last, int count)
    {
        if (_last is null)
            _first = first;
        else
            _last.QueueNext = first;
        _last = last;
        Volatile.Write(ref _count, _count + count);
    }

    private Fiber? TakeFirst()
    {
        if (_first is not { } fiber)
            return null;
        _first = fiber.QueueNext;
        fiber.QueueNext = null;
        if (_first is null)
            _last = null;
        Volatile.Write(ref _count, _count - 1);
        return fiber;
    }
}
