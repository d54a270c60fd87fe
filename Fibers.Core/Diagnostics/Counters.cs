namespace Fibers.Diagnostics;

/// <summary>What a runtime counts itself. Any thread; relaxed: a snapshot may be a moment old.</summary>
internal sealed class Counters
{
    private long _spawned, _ended, _inlineForLimit, _inlineForResources, _inlineForJoin, _inlineForBackend, _starved, _unobserved;

    public void SpawnedOnce() => Interlocked.Increment(ref _spawned);

    public void EndedOnce() => Interlocked.Increment(ref _ended);

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

    public FiberStatistics Snapshot() => new()
    {
        Spawned = Volatile.Read(ref _spawned),
        Ended = Volatile.Read(ref _ended),
        InlineForLimit = Volatile.Read(ref _inlineForLimit),
        InlineForResources = Volatile.Read(ref _inlineForResources),
        InlineForJoin = Volatile.Read(ref _inlineForJoin),
        InlineForBackend = Volatile.Read(ref _inlineForBackend),
        Starved = Volatile.Read(ref _starved),
        Unobserved = Volatile.Read(ref _unobserved),
    };
}
