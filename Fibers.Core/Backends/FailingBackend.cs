namespace Fibers.Backends;

/// <summary>For tests: a concurrent backend on which nothing can be had. Everything must still be right, or refused. (Zig: <c>Io.failing</c>.)</summary>
internal sealed class FailingBackend(FiberBackend kind) : Backend
{
    public override FiberBackend Kind => kind;

    public override bool TrySpawn(Fiber fiber) => false;

    public override bool TrySpawnConcurrent(Fiber fiber, out string reason)
    {
        reason = "nothing can be allocated";
        return false;
    }

    public override void Dispose()
    {
    }
}
