using System.Diagnostics;

namespace Fibers;

/// <summary>A deadline over a block of code; made by <see cref="Fiber.Timeout(TimeSpan)"/>.</summary>
/// <remarks>
/// When the time comes, whatever the fiber waits in ends as if the fiber were cancelled, and leaving the block throws <see cref="TimeoutException"/>. Blocks nest;
/// each reports only its own deadline. Belongs to the fiber that made it.
/// </remarks>
[DebuggerDisplay("FiberTimeout expired: {HasExpired}")]
public sealed class FiberTimeout : IDisposable
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1); // that a timer takes: seven weeks

    private readonly Fiber _fiber;
    private readonly TimeSpan _after;
    private readonly CancelScope _scope;
    private readonly Timer? _timer;
    private int _closed;

    internal FiberTimeout(Fiber fiber, TimeSpan after)
    {
        _fiber = fiber;
        _after = after;
        _scope = new CancelScope(fiber);
        if (after == System.Threading.Timeout.InfiniteTimeSpan || after > s_longest)
            return; // it never comes
        fiber.Runtime.Deadlocks.DeadlineOpened();
        _timer = new Timer(static scope => ((CancelScope)scope!).Fire(), _scope, after, System.Threading.Timeout.InfiniteTimeSpan);
    }

    /// <summary>True once the time has come. Any thread; never parks.</summary>
    public bool HasExpired => _scope.HasFired;

    /// <summary>Leaves the block. Never parks; no cancellation point. Only from the fiber that made it.</summary>
    /// <exception cref="TimeoutException">This deadline ended something in the block.</exception>
    public void Dispose()
    {
        if (_timer is not null && Interlocked.Exchange(ref _closed, 1) == 0)
        {
            _timer.Dispose();
            _fiber.Runtime.Deadlocks.DeadlineClosed();
        }

        if (_scope.Leave())
            throw new TimeoutException($"{_fiber} did not finish within {_after}.");
    }
}
