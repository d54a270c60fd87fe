namespace Fibers.Backends;

/// <summary>Single-threaded blocking mode: the caller runs every body, at once.</summary>
internal sealed class InlineBackend : Backend
{
    public override FiberBackend Kind => FiberBackend.Inline;

    public override bool TrySpawn(Fiber fiber) => false;

    public override bool TrySpawnConcurrent(Fiber fiber, out string reason)
    {
        reason = "the Inline backend runs one body after another";
        return false;
    }

    public override void Dispose()
    {
    }
}
