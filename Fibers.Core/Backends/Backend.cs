namespace Fibers.Backends;

/// <summary>What a backend must provide. The permit for the fiber is already taken; the runtime gives it back when the fiber ends.</summary>
internal abstract class Backend : IDisposable
{
    public abstract FiberBackend Kind { get; }

    /// <summary>Any thread or fiber; never parks. False: no fiber can be had now, the caller runs the body inline.</summary>
    public abstract bool TrySpawn(Fiber fiber);

    /// <summary>Any thread or fiber; never parks. True: the fiber has what it needs to make progress beside the caller.</summary>
    public abstract bool TrySpawnConcurrent(Fiber fiber, out string reason);

    /// <summary>Any thread. Adds what the backend knows.</summary>
    public virtual FiberStatistics Describe(FiberStatistics statistics) => statistics;

    /// <summary>Every fiber has ended.</summary>
    public abstract void Dispose();
}
