using System.Collections.Concurrent;
using Fibers.Scheduling;

namespace Fibers.Diagnostics;

/// <summary>Why did this block a carrier? Calls that nothing redirects, counted by call site. The watchdog adds, once per call; anybody reads.</summary>
internal sealed class BlockingCalls
{
    private readonly ConcurrentDictionary<string, long> _sites = new();
    private long _count;

    public long Count => Volatile.Read(ref _count);

    /// <summary>Most frequent first.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> Sites => [.. _sites.OrderByDescending(static site => site.Value).ThenBy(static site => site.Key, StringComparer.Ordinal)];

    /// <summary>The watchdog: the carrier has sat in one fiber for an interval. Nothing happens if the fiber computes. True: it is blocked.</summary>
    public bool Look(Carrier carrier)
    {
        if (KernelThread.BlockedIn(carrier.KernelId) is not { } function || !carrier.InFiber)
            return false;
        _sites.AddOrUpdate(function, 1, static (_, count) => count + 1);
        Interlocked.Increment(ref _count);
        return true;
    }
}
