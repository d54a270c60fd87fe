namespace Fibers;

// A token from outside that cancels the fiber. The other way is Fiber.CancellationToken.
public partial class Fiber
{
    private static readonly object s_unlinked = new();

    private readonly CancellationToken _linkedTo;
    private object? _link; // a CancellationTokenRegistration, or s_unlinked when the fiber has ended

    /// <summary>A token from outside may cancel it.</summary>
    internal bool IsLinked => _linkedTo.CanBeCanceled;

    /// <summary>The spawner, once the fiber is placed: a token that is cancelled already may end it here.</summary>
    internal void Link()
    {
        if (!_linkedTo.CanBeCanceled)
            return;
        object link = _linkedTo.UnsafeRegister(static fiber => ((Fiber)fiber!).RequestCancel(), this);
        if (Interlocked.CompareExchange(ref _link, link, null) == s_unlinked)
            ((CancellationTokenRegistration)link).Unregister(); // it has ended meanwhile
    }

    // Does not wait for a callback that runs: that comes too late, and does no harm.
    private void Unlink()
    {
        if (_linkedTo.CanBeCanceled && Interlocked.Exchange(ref _link, s_unlinked) is CancellationTokenRegistration link)
            link.Unregister();
    }
}
