using Fibers.Scheduling;

namespace Fibers;

/// <summary>A deadline over a block of code; made by <see cref="Fiber.Timeout(TimeSpan)"/>.</summary>
/// <remarks>
/// When the time comes, whatever the fiber waits in ends as if the fiber were cancelled, and leaving the block throws <see cref="TimeoutException"/>. Blocks nest;
/// each reports only its own deadline. Belongs to the fiber that made it.
/// </remarks>
public sealed class FiberTimeout : IDisposable
{
    private readonly Fiber _fiber;
    private readonly TimeSpan _after;
    private readonly Timer? _timer;
    private Latch _latch; // guards the two below against the timer's thread
    private bool _fired;
    private bool _left;

    internal FiberTimeout(Fiber fiber, TimeSpan after)
    {
        _fiber = fiber;
        _after = after;
        if (after != System.Threading.Timeout.InfiniteTimeSpan)
            _timer = new Timer(static self => ((FiberTimeout)self!).Fire(), this, after, System.Threading.Timeout.InfiniteTimeSpan);
    }

    /// <summary>True once the time has come.</summary>
    public bool HasExpired => Volatile.Read(ref _fired);

    /// <summary>Leaves the block. Never parks.</summary>
    /// <exception cref="TimeoutException">This deadline ended something in the block.</exception>
    public void Dispose()
    {
        _timer?.Dispose();
        Latch.Scope scope = _latch.Enter();
        bool first = !_left;
        _left = true;
        _latch.Exit(scope);
        if (first && _fired && _fiber.RetractDeadline())
            throw new TimeoutException($"{_fiber} did not finish within {_after}.");
    }

    private void Fire()
    {
        Latch.Scope scope = _latch.Enter();
        if (!_left)
        {
            Volatile.Write(ref _fired, true);
            _fiber.PostCancel();
        }

        _latch.Exit(scope);
    }
}
