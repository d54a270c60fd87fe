using System.Diagnostics.CodeAnalysis;

namespace Fibers;

/// <summary>The state of a channel and its four moves. Everything is guarded by <see cref="Selectable.Latch"/>; nobody is woken under it.</summary>
/// <remarks>
/// Invariants: receivers wait only while nothing is buffered and no sender waits; senders wait only while the buffer is full. Rules for closing are Go's: what was
/// sent can still be received, then receiving says closed; sending to a closed channel is an error.
/// </remarks>
internal sealed class ChannelCore<T>(int capacity) : Selectable
{
    private readonly Queue<T> _buffer = new();
    private readonly WaiterList _senders = new();
    private readonly WaiterList _receivers = new();
    private bool _closed;

    public int Count => _buffer.Count;

    public bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>A waiting send or receive with its item.</summary>
    public sealed class ItemWaiter(WaitCell cell) : Waiter(cell)
    {
        public T? Item;
        public bool IsSender;

        public override void Reset()
        {
            base.Reset();
            Item = default;
            IsSender = false;
        }
    }

    public enum Outcome
    {
        Done,
        WouldWait,
        Closed,
    }

    /// <summary>Latch held. <paramref name="wake"/>: to be woken when the latch is free.</summary>
    public Outcome TrySend(T item, out Waiter? wake)
    {
        wake = null;
        if (_closed)
            return Outcome.Closed;
        if (_receivers.Win() is { } receiver)
        {
            ((ItemWaiter)receiver).Item = item;
            receiver.MarkFilled();
            wake = receiver;
            return Outcome.Done;
        }

        if (_buffer.Count >= capacity)
            return Outcome.WouldWait;
        _buffer.Enqueue(item);
        return Outcome.Done;
    }

    /// <summary>Latch held.</summary>
    public Outcome TryReceive([MaybeNull] out T item, out Waiter? wake)
    {
        wake = null;
        if (_buffer.TryDequeue(out item))
        {
            if (_senders.Win() is { } next)
            {
                _buffer.Enqueue(((ItemWaiter)next).Item!);
                next.MarkFilled();
                wake = next;
            }

            return Outcome.Done;
        }

        if (_senders.Win() is { } sender)
        {
            item = ((ItemWaiter)sender).Item!;
            sender.MarkFilled();
            wake = sender;
            return Outcome.Done;
        }

        item = default;
        return _closed ? Outcome.Closed : Outcome.WouldWait;
    }

    /// <summary>Latch held.</summary>
    public void AddSender(ItemWaiter waiter)
    {
        waiter.IsSender = true;
        _senders.Add(waiter);
    }

    /// <summary>Latch held.</summary>
    public void AddReceiver(ItemWaiter waiter) => _receivers.Add(waiter);

    /// <summary>Takes the latch. False: it was closed already.</summary>
    public bool Close()
    {
        var won = new List<Waiter>();
        var scope = Latch.Enter();
        bool first = !_closed;
        Volatile.Write(ref _closed, true);
        while ((_receivers.Win() ?? _senders.Win()) is { } waiter)
        {
            waiter.Closed = true;
            waiter.MarkFilled();
            won.Add(waiter);
        }

        Latch.Exit(scope);
        foreach (Waiter waiter in won)
            waiter.Cell.Wake();
        return first;
    }
}
