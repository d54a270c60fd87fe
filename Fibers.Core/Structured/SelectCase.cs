namespace Fibers;

/// <summary>One case of a select. TryComplete and Register run under its source's latch.</summary>
internal abstract class SelectCase(int index)
{
    public int Index { get; } = index;

    public abstract Selectable Source { get; }

    public Waiter? Waiter { get; protected set; }

    /// <summary>True: it has happened. <paramref name="wake"/>: the other side, to be woken when the latches are free.</summary>
    public abstract bool TryComplete(out Waiter? wake);

    public abstract void Register(WaitCell cell);

    /// <summary>Takes the latch.</summary>
    public void Unregister()
    {
        if (Waiter is { } waiter)
            Source.TryRemove(waiter);
    }

    /// <summary>It is this case; no latch is held. Runs the user's action.</summary>
    public abstract int Complete();
}

internal sealed class ReceiveCase<T>(int index, ChannelCore<T> core, Action<T>? received, Action? onClosed) : SelectCase(index)
{
    private T? _item;
    private bool _closed;

    public override Selectable Source => core;

    public override bool TryComplete(out Waiter? wake)
    {
        ChannelCore<T>.Outcome outcome = core.TryReceive(out _item, out wake);
        _closed = outcome == ChannelCore<T>.Outcome.Closed;
        return outcome != ChannelCore<T>.Outcome.WouldWait;
    }

    public override void Register(WaitCell cell)
    {
        var waiter = new ChannelCore<T>.ItemWaiter(cell);
        Waiter = waiter;
        core.AddReceiver(waiter);
    }

    public override int Complete()
    {
        if (Waiter is ChannelCore<T>.ItemWaiter waiter)
            (_item, _closed) = (waiter.Item, waiter.Closed);
        if (!_closed)
            received?.Invoke(_item!);
        else if (onClosed is not null)
            onClosed();
        else
            throw new FiberChannelClosedException();
        return Index;
    }
}

internal sealed class SendCase<T>(int index, ChannelCore<T> core, T item, Action? sent) : SelectCase(index)
{
    private bool _closed;

    public override Selectable Source => core;

    public override bool TryComplete(out Waiter? wake)
    {
        ChannelCore<T>.Outcome outcome = core.TrySend(item, out wake);
        _closed = outcome == ChannelCore<T>.Outcome.Closed;
        return outcome != ChannelCore<T>.Outcome.WouldWait;
    }

    public override void Register(WaitCell cell)
    {
        var waiter = new ChannelCore<T>.ItemWaiter(cell) { Item = item };
        Waiter = waiter;
        core.AddSender(waiter);
    }

    public override int Complete()
    {
        if (_closed || Waiter is { Closed: true })
            throw new FiberChannelClosedException();
        sent?.Invoke();
        return Index;
    }
}

internal sealed class JoinCase(int index, EndSignal signal, Action? ended) : SelectCase(index)
{
    public override Selectable Source => signal;

    public override bool TryComplete(out Waiter? wake)
    {
        wake = null;
        return signal.IsSet;
    }

    public override void Register(WaitCell cell)
    {
        Waiter = new Waiter(cell);
        signal.Waiters.Add(Waiter);
    }

    public override int Complete()
    {
        ended?.Invoke();
        return Index;
    }
}

/// <summary>The end of a fiber as something to select on; made when first asked for. Guarded by its latch.</summary>
internal sealed class EndSignal : Selectable
{
    public bool IsSet { get; private set; }

    public WaiterList Waiters { get; } = new();

    public void Set()
    {
        var won = new List<Waiter>();
        var scope = Latch.Enter();
        IsSet = true;
        while (Waiters.Win() is { } waiter)
        {
            waiter.MarkFilled();
            won.Add(waiter);
        }

        Latch.Exit(scope);
        foreach (Waiter waiter in won)
            waiter.Cell.Wake();
    }
}
