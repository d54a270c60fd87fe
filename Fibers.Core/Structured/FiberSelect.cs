using System.Diagnostics;
using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers;

/// <summary>
/// Waits for the first of several things: sends, receives, ended fibers, a time-out, or nothing at all (default). As Go's <c>select</c>: when several are ready one is
/// chosen at random; exactly one happens.
/// </summary>
/// <example><code>
/// int which = new FiberSelect()
///     .Receive(requests, request => Serve(request))
///     .Join(worker)
///     .Timeout(TimeSpan.FromSeconds(1))
///     .Run();
/// </code></example>
/// <remarks>A builder: use once per wait, from one fiber or thread.</remarks>
[DebuggerDisplay("FiberSelect of {_count} cases")]
public sealed class FiberSelect
{
    private readonly List<SelectCase> _cases = [];
    private int _timeoutIndex = -1;
    private long _deadlineNs = Clock.Never;
    private int _defaultIndex = -1;
    private Action? _onTimeout;
    private Action? _onDefault;
    private int _count;

    /// <summary>A case: an item can be received. Closed and empty counts as ready: <paramref name="closed"/> runs, or <see cref="FiberChannelClosedException"/> is thrown.</summary>
    public FiberSelect Receive<T>(FiberChannel<T> channel, Action<T>? received = null, Action? closed = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        _cases.Add(new ReceiveCase<T>(_count++, channel.Core, received, closed));
        return this;
    }

    /// <summary>A case: the item can be sent. A closed channel counts as ready and throws <see cref="FiberChannelClosedException"/>.</summary>
    public FiberSelect Send<T>(FiberChannel<T> channel, T item, Action? sent = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        _cases.Add(new SendCase<T>(_count++, channel.Core, item, sent));
        return this;
    }

    /// <summary>A case: the fiber has ended. Its exception is not rethrown; join it for that.</summary>
    public FiberSelect Join(Fiber fiber, Action? ended = null)
    {
        ArgumentNullException.ThrowIfNull(fiber);
        _cases.Add(new JoinCase(_count++, fiber.EndSignal, ended));
        return this;
    }

    /// <summary>A case: nothing else happened for so long. At most one.</summary>
    public FiberSelect Timeout(TimeSpan after, Action? elapsed = null)
    {
        if (_timeoutIndex >= 0)
            throw new InvalidOperationException("A select has at most one time-out.");
        _deadlineNs = Clock.After(after, nameof(after));
        _timeoutIndex = _count++;
        _onTimeout = elapsed;
        return this;
    }

    /// <summary>A case: nothing else can happen at once. At most one; then the select never waits.</summary>
    public FiberSelect Default(Action? otherwise = null)
    {
        if (_defaultIndex >= 0)
            throw new InvalidOperationException("A select has at most one default.");
        _defaultIndex = _count++;
        _onDefault = otherwise;
        return this;
    }

    /// <summary>Waits; runs the action of the case that happened and returns its place in the order of adding. A cancellation point. Parks a fiber, blocks a thread.</summary>
    /// <exception cref="OperationCanceledException">The fiber was cancelled; nothing was sent or received.</exception>
    /// <exception cref="FiberChannelClosedException">A closed channel was chosen and its case has no action for that.</exception>
    public int Run()
    {
        SelectCase[] order = [.. _cases];
        Random.Shared.Shuffle(order); // fair: no case starves because of its place
        Selectable[] sources = [.. order.Select(static c => c.Source).Distinct().OrderBy(static s => s.Order)];

        var cell = new SelectCell(Parker.Current, this);
        SelectCase? chosen = TryAtOnce(order, sources, _defaultIndex >= 0 ? null : cell);
        if (chosen is not null)
            return chosen.Complete();
        if (_defaultIndex >= 0)
        {
            _onDefault?.Invoke();
            return _defaultIndex;
        }

        Waiter? winner = null;
        try
        {
            winner = cell.Wait(_deadlineNs);
        }
        finally
        {
            foreach (SelectCase other in order)
                if (other.Waiter != winner)
                    other.Unregister();
        }

        if (winner is not null)
            return order.First(c => c.Waiter == winner).Complete();
        _onTimeout?.Invoke();
        return _timeoutIndex;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{_cases.Count} cases";

    // Under all latches at once: either one case happens, or every case is registered.
    private static SelectCase? TryAtOnce(SelectCase[] order, Selectable[] sources, SelectCell? cell)
    {
        cell?.Begin();
        var scopes = new Latch.Scope[sources.Length];
        for (int i = 0; i < sources.Length; i++)
            scopes[i] = sources[i].Latch.Enter();
        SelectCase? chosen = null;
        Waiter? wake = null;
        foreach (SelectCase candidate in order)
        {
            if (candidate.TryComplete(out wake))
            {
                chosen = candidate;
                break;
            }
        }

        if (chosen is null && cell is not null)
            foreach (SelectCase waiting in order)
                waiting.Register(cell);
        for (int i = sources.Length - 1; i >= 0; i--)
            sources[i].Latch.Exit(scopes[i]);
        if (chosen is not null)
            cell?.Abandon();
        wake?.Cell.Wake();
        return chosen;
    }
}
