namespace Fibers.Backends;

/// <summary>For tests: a concurrent backend on which nothing can be had. Everything must still be right, or refused. (Zig: <c>Io.failing</c>.)</summary>
/// <param name="kind">The one it stands for.</param>
/// <param name="throws">There is not even memory to find that out.</param>
internal sealed class FailingBackend(FiberBackend kind, bool throws) : Backend
{
    public override FiberBackend Kind => kind;

    public override bool TrySpawn(Fiber fiber) => throws ? throw new OutOfMemoryException() : false;

    public override bool TrySpawnConcurrent(Fiber fiber, out string reason)
    {
        reason = "nothing can be allocated";
        return throws ? throw new OutOfMemoryException() : false;
    }

    public override void Dispose()
    {
    }
}
