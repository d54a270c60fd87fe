using Fibers.Scheduling;

namespace Fibers;

/// <summary>A stretch of a fiber's code that something may cut short without cancelling the fiber: a deadline, or the failure of a group's member.</summary>
/// <remarks>
/// The request travels as a cancellation does, and is taken back on leaving. Scopes nest, and a fiber has one word for all requests: taking back one's own would
/// take back an outer scope's too, so that is posted again. Made and left by the fiber itself; anybody may fire.
/// </remarks>
internal sealed class CancelScope
{
    private readonly Fiber _fiber;
    private readonly CancelScope? _outer;
    private Latch _latch; // guards the two below, and orders firing against leaving
    private bool _fired;
    private bool _left;

    public CancelScope(Fiber fiber)
    {
        _fiber = fiber;
        _outer = fiber.Scope;
        fiber.Scope = this;
    }

    /// <summary>Any thread.</summary>
    public bool HasFired
    {
        get
        {
            Latch.Scope scope = _latch.Enter(); // so that whoever sees it fired also sees it posted
            bool fired = _fired;
            _latch.Exit(scope);
            return fired;
        }
    }

    /// <summary>Any thread. Nothing happens when the fiber has left.</summary>
    public void Fire()
    {
        Latch.Scope scope = _latch.Enter();
        if (!_left && !_fired)
        {
            _fired = true;
            _fiber.PostCancel();
        }

        _latch.Exit(scope);
    }

    /// <summary>The fiber itself; idempotent. True: it was fired, and the code inside met it.</summary>
    public bool Leave()
    {
        Latch.Scope scope = _latch.Enter();
        bool first = !_left;
        _left = true;
        _latch.Exit(scope);
        if (!first)
            return false;
        if (_fiber.Scope == this)
            _fiber.Scope = _outer;
        if (!_fired)
            return false;
        bool met = _fiber.RetractDeadline();
        for (CancelScope? outer = _outer; outer is not null; outer = outer._outer)
        {
            if (outer is { _left: false, HasFired: true })
            {
                _fiber.PostCancel();
                break;
            }
        }

        return met;
    }
}
