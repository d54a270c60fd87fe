namespace Fibers;

// A token from outside that cancels the fiber. The other way is Fiber.CancellationToken.
public partial class Fiber
{
    private static readonly object s_unlinked = new();

    /// <summary>A token from outside may cancel it.</summary>
    internal bool IsLinked => _options is { CancellationToken.CanBeCanceled: true };

    /// <summary>Such a token is cancelled: nobody wants the body any more.</summary>
    internal bool IsLinkedToCanceled => IsLinked && _options!.CancellationToken.IsCancellationRequested;

    /// <summary>The token that tells of its cancellation: the one from outside where that was the reason.</summary>
    private CancellationToken CanceledBy => IsLinkedToCanceled ? _options!.CancellationToken : CancellationToken;

    /// <summary>The spawner, once the fiber is placed: a token that is cancelled already may end it here.</summary>
    internal void Link()
    {
        if (!IsLinked)
            return;
        object link = _options!.CancellationToken.UnsafeRegister(static fiber => ((Fiber)fiber!).RequestCancel(), this);
        if (Interlocked.CompareExchange(ref Rarely.Link, link, null) == s_unlinked)
            ((CancellationTokenRegistration)link).Unregister(); // it has ended meanwhile
    }

    // Does not wait for a callback that runs: that comes too late, and does no harm.
    private void Unlink()
    {
        if (IsLinked && Interlocked.Exchange(ref Rarely.Link, s_unlinked) is CancellationTokenRegistration link)
            link.Unregister();
    }
}
