namespace Fibers.Diagnostics;

/// <summary>What a runtime counts itself. Any thread; relaxed: a snapshot may be a moment old. Fibers that are in its registry are counted there, under a latch that is taken anyway.</summary>
internal sealed class Counters
{
    private long _spawnedUnlisted, _endedUnlisted, _inlineForLimit, _inlineForResources, _inlineForJoin, _inlineForBackend, _starved, _unobserved;

    /// <summary>A fiber that is in no registry: it runs inline for want of a permit.</summary>
    public void SpawnedUnlisted() => Interlocked.Increment(ref _spawnedUnlisted);

    /// <inheritdoc cref="SpawnedUnlisted"/>
    public void EndedUnlisted() => Interlocked.Increment(ref _endedUnlisted);

    public void RanInline(InlineReason reason) => Interlocked.Increment(ref OfInline(reason));

    public void StarvedOnce() => Interlocked.Increment(ref _starved);

    public void UnobservedOnce() => Interlocked.Increment(ref _unobserved);

    private ref long OfInline(InlineReason reason)
    {
        switch (reason)
        {
            case InlineReason.Limit:
                return ref _inlineForLimit;
            case InlineReason.Resources:
                return ref _inlineForResources;
            case InlineReason.Join:
                return ref _inlineForJoin;
            default:
                return ref _inlineForBackend;
        }
    }

    /// <param name="listed">What the registry has counted.</param>
    public FiberStatistics Snapshot((long Spawned, long Ended) listed) => new()
    {
        Spawned = listed.Spawned + Volatile.Read(ref _spawnedUnlisted),
        Ended = listed.Ended + Volatile.Read(ref _endedUnlisted),
        InlineForLimit = Volatile.Read(ref _inlineForLimit),
        InlineForResources = Volatile.Read(ref _inlineForResources),
        InlineForJoin = Volatile.Read(ref _inlineForJoin),
        InlineForBackend = Volatile.Read(ref _inlineForBackend),
        Starved = Volatile.Read(ref _starved),
        Unobserved = Volatile.Read(ref _unobserved),
    };
}
