using System.Collections;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers;

/// <summary>
/// Passes items between fibers, ordinary threads and async code. Capacity 0 is a rendezvous: a send returns when somebody has received. Closing follows Go's rules.
/// </summary>
/// <typeparam name="T">The type of the items.</typeparam>
[DebuggerDisplay("FiberChannel {Name,nq} {Count}/{Capacity} closed: {IsClosed}")]
public sealed class FiberChannel<T> : IEnumerable<T>
{
    private readonly ChannelCore<T> _core;
    private readonly ChannelEnd _sending;
    private readonly ChannelEnd _receiving;

    /// <summary>Makes a channel.</summary>
    /// <param name="capacity">Items that can wait in it: 0 for a rendezvous, <see cref="int.MaxValue"/> for no bound.</param>
    /// <param name="name">For people: dumps show it.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative capacity.</exception>
    public FiberChannel(int capacity = 0, string? name = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        Capacity = capacity;
        Name = name;
        _core = new ChannelCore<T>(capacity);
        _sending = new ChannelEnd(this, name, sends: true);
        _receiving = new ChannelEnd(this, name, sends: false);
    }

    /// <summary>Items that can wait in it.</summary>
    public int Capacity { get; }

    /// <summary>For people.</summary>
    public string? Name { get; }

    /// <summary>Items that wait in it now; a snapshot.</summary>
    public int Count => _core.Count;

    /// <summary>True once <see cref="Close"/> was called; items may still be there.</summary>
    public bool IsClosed => _core.IsClosed;

    internal ChannelCore<T> Core => _core;

    /// <summary>An unbounded channel: sending never parks.</summary>
    public static FiberChannel<T> Unbounded(string? name = null) => new(int.MaxValue, name);

    /// <summary>Sends; waits while there is no room. A cancellation point. Parks a fiber, blocks a thread.</summary>
    /// <exception cref="FiberChannelClosedException">The channel is closed, or was while it waited.</exception>
    /// <exception cref="OperationCanceledException">The fiber was cancelled; the item was not sent.</exception>
    public void Send(T item) => Send(item, Clock.Never);

    /// <summary>As <see cref="Send(T)"/>. False: the time was up; the item was not sent.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative time other than <see cref="Timeout.InfiniteTimeSpan"/>.</exception>
    /// <exception cref="FiberChannelClosedException">The channel is closed, or was while it waited.</exception>
    public bool Send(T item, TimeSpan timeout) => Send(item, Clock.After(timeout, nameof(timeout)));

    /// <summary>Sends if that can be done at once. Never parks; no cancellation point. False: no room, or closed.</summary>
    public bool TrySend(T item)
    {
        var scope = _core.Latch.Enter();
        ChannelCore<T>.Outcome outcome = _core.TrySend(item, out Waiter? wake);
        _core.Latch.Exit(scope);
        wake?.Cell.Wake();
        return outcome == ChannelCore<T>.Outcome.Done;
    }

    /// <summary>Receives; waits while there is nothing. A cancellation point. Parks a fiber, blocks a thread.</summary>
    /// <exception cref="FiberChannelClosedException">The channel is closed and empty.</exception>
    /// <exception cref="OperationCanceledException">The fiber was cancelled; nothing was taken.</exception>
    public T Receive() => Receive(Clock.Never, out T? item, out _) ? item : throw new FiberChannelClosedException();

    /// <summary>As <see cref="Receive()"/>, but false when the channel is closed and empty.</summary>
    public bool Receive([MaybeNullWhen(false)] out T item) => Receive(Clock.Never, out item, out _);

    /// <summary>As <see cref="Receive()"/>. False: the time was up.</summary>
    /// <exception cref="FiberChannelClosedException">The channel is closed and empty.</exception>
    public bool Receive([MaybeNullWhen(false)] out T item, TimeSpan timeout)
    {
        if (Receive(Clock.After(timeout, nameof(timeout)), out item, out bool closed))
            return true;
        return closed ? throw new FiberChannelClosedException() : false;
    }

    /// <summary>Receives if that can be done at once. Never parks; no cancellation point. False: nothing there, or closed.</summary>
    public bool TryReceive([MaybeNullWhen(false)] out T item)
    {
        var scope = _core.Latch.Enter();
        ChannelCore<T>.Outcome outcome = _core.TryReceive(out item, out Waiter? wake);
        _core.Latch.Exit(scope);
        wake?.Cell.Wake();
        return outcome == ChannelCore<T>.Outcome.Done;
    }

    /// <summary>No more items. Those that wait to receive are told when the channel is empty; those that wait to send get an exception. Idempotent; never parks.</summary>
    public void Close() => _core.Close();

    /// <summary>For async code: as <see cref="Send(T)"/>.</summary>
    public async ValueTask SendAsync(T item, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var cell = new TaskCell();
        ChannelCore<T>.ItemWaiter? waiter = BeginSend(item, cell);
        if (waiter is not null && !await WaitAsync(cell, waiter, cancellationToken).ConfigureAwait(false))
            throw new FiberChannelClosedException();
    }

    /// <summary>For async code: as <see cref="Receive()"/>.</summary>
    public async ValueTask<T> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var cell = new TaskCell();
        ChannelCore<T>.ItemWaiter? waiter = BeginReceive(cell, out T? item, out bool closed);
        if (waiter is null)
            return closed ? throw new FiberChannelClosedException() : item!;
        return await WaitAsync(cell, waiter, cancellationToken).ConfigureAwait(false) ? waiter.Item! : throw new FiberChannelClosedException();
    }

    /// <summary>Receives until the channel is closed and empty.</summary>
    public IEnumerator<T> GetEnumerator()
    {
        while (Receive(out T? item))
            yield return item;
    }

    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"a FiberChannel<{typeof(T).Name}> of capacity {Capacity}" : $"FiberChannel \"{Name}\"";

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private bool Send(T item, long deadlineNs)
    {
        ChannelCore<T>.ItemWaiter? waiter = BeginSend(item, null);
        return waiter is null || Wait(waiter, deadlineNs, out _, out _);
    }

    private bool Receive(long deadlineNs, [MaybeNullWhen(false)] out T item, out bool closed)
    {
        ChannelCore<T>.ItemWaiter? waiter = BeginReceive(null, out item, out closed);
        if (waiter is null)
            return !closed;
        return Wait(waiter, deadlineNs, out item, out closed);
    }

    // Null: done at once. Without a cell of async code, the caller is to park, and has begun to.
    private ChannelCore<T>.ItemWaiter? BeginSend(T item, TaskCell? cell)
    {
        ChannelCore<T>.ItemWaiter? waiter = null;
        Parker? self = Parker.CurrentOrNull;
        var scope = _core.Latch.Enter(self as VirtualThread);
        ChannelCore<T>.Outcome outcome = _core.TrySend(item, out Waiter? wake);
        if (outcome == ChannelCore<T>.Outcome.WouldWait)
        {
            waiter = NewWaiter(cell, self);
            waiter.Item = item;
            _core.AddSender(waiter);
        }

        _core.Latch.Exit(scope);
        wake?.Cell.Wake();
        return outcome == ChannelCore<T>.Outcome.Closed ? throw new FiberChannelClosedException() : waiter;
    }

    private ChannelCore<T>.ItemWaiter? BeginReceive(TaskCell? cell, out T? item, out bool closed)
    {
        ChannelCore<T>.ItemWaiter? waiter = null;
        Parker? self = Parker.CurrentOrNull;
        var scope = _core.Latch.Enter(self as VirtualThread);
        ChannelCore<T>.Outcome outcome = _core.TryReceive(out item, out Waiter? wake);
        if (outcome == ChannelCore<T>.Outcome.WouldWait)
            _core.AddReceiver(waiter = NewWaiter(cell, self));
        _core.Latch.Exit(scope);
        wake?.Cell.Wake();
        closed = outcome == ChannelCore<T>.Outcome.Closed;
        return waiter;
    }

    // Made only when there is something to wait for. Beginning comes last: it must be taken back should anything fail after it.
    private ChannelCore<T>.ItemWaiter NewWaiter(TaskCell? task, Parker? self)
    {
        if (task is not null)
            return new ChannelCore<T>.ItemWaiter(task);
        self ??= Parker.Current;
        ChannelCore<T>.ItemWaiter waiter = self.TakeKept<ChannelCore<T>.ItemWaiter>() ?? new ChannelCore<T>.ItemWaiter(new ChannelCell(self));
        ((ChannelCell)waiter.Cell).Begin();
        return waiter;
    }

    // False: time-out, or (a receiver) closed. A sender whose channel was closed gets the exception.
    private bool Wait(ChannelCore<T>.ItemWaiter waiter, long deadlineNs, [MaybeNull] out T item, out bool closed)
    {
        var cell = (ChannelCell)waiter.Cell;
        bool sends = waiter.IsSender;
        bool won = cell.Wait(waiter, _core, deadlineNs, sends ? _sending : _receiving);
        item = waiter.Item;
        closed = won && waiter.Closed;
        cell.GiveBack(waiter);
        if (closed && sends)
            throw new FiberChannelClosedException();
        return won && !closed;
    }

    // False: closed.
    private async Task<bool> WaitAsync(TaskCell cell, ChannelCore<T>.ItemWaiter waiter, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state =>
        {
            var canceled = (TaskCell)state!;
            if (canceled.TryGiveUp())
                canceled.Wake();
        }, cell);
        object winner = await cell.Task.ConfigureAwait(false);
        if (winner == waiter)
            return !waiter.Closed;
        _core.TryRemove(waiter);
        throw new OperationCanceledException(cancellationToken);
    }
}
