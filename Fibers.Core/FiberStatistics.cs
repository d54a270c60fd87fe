using System.Collections.ObjectModel;
using System.Diagnostics;

namespace Fibers;

/// <summary>A snapshot of what a runtime has done. Counters only grow; the rest is how things stand.</summary>
[DebuggerDisplay("FiberStatistics spawned: {Spawned}, ended: {Ended}, live: {Live}")]
public sealed record FiberStatistics
{
    /// <summary>Fibers spawned, inline ones included.</summary>
    public long Spawned { get; init; }

    /// <summary>Fibers that have ended.</summary>
    public long Ended { get; init; }

    /// <summary>Fibers that hold a permit now: queued, running or parked.</summary>
    public int Live { get; init; }

    /// <summary>Bodies run inline because <see cref="FiberRuntimeOptions.MaxFibers"/> was reached.</summary>
    public long InlineForLimit { get; init; }

    /// <summary>Bodies run inline by the spawner because no stack or thread could be had.</summary>
    public long InlineForResources { get; init; }

    /// <summary>Bodies run inline by a joiner because no stack or thread could be had when their turn came.</summary>
    public long InlineForJoin { get; init; }

    /// <summary>Bodies run inline because the backend has no concurrency.</summary>
    public long InlineForBackend { get; init; }

    /// <summary>All inline runs.</summary>
    public long InlineRuns => InlineForLimit + InlineForResources + InlineForJoin + InlineForBackend;

    /// <summary>Times a fiber's turn came and no virtual thread could be had.</summary>
    public long Starved { get; init; }

    /// <summary>Times a carrier switched into a fiber.</summary>
    public long Switches { get; init; }

    /// <summary>Times a carrier took fibers from another.</summary>
    public long Steals { get; init; }

    /// <summary>Fibers woken by native code: unmodified waits, descriptors closed elsewhere.</summary>
    public long NativeWakes { get; init; }

    /// <summary>Calls on files that went to io_uring, in the whole process.</summary>
    public long UringCalls { get; init; }

    /// <summary>Calls (files, names, child processes) that went to the pool of kernel threads, in the whole process.</summary>
    public long OffloadedCalls { get; init; }

    /// <summary>Kernel threads that run fibers now, spares included.</summary>
    public int Carriers { get; init; }

    /// <summary>Those of them that are spares.</summary>
    public int SpareCarriers { get; init; }

    /// <summary>Spare carriers started because one was stuck in a fiber.</summary>
    public long SparesStarted { get; init; }

    /// <summary>Times the rescue carrier ran a fiber because every carrier was stuck.</summary>
    public long Rescued { get; init; }

    /// <summary>Virtual threads created and destroyed.</summary>
    public long VirtualThreadsCreated { get; init; }

    /// <inheritdoc cref="VirtualThreadsCreated"/>
    public long VirtualThreadsDestroyed { get; init; }

    /// <summary>Virtual threads that wait for a fiber.</summary>
    public int VirtualThreadsIdle { get; init; }

    /// <summary>Times a fiber kept its carrier in one call for longer than the watchdog's interval, because nothing redirects that call.</summary>
    public long BlockingCalls { get; init; }

    /// <summary>The same by call site, the most frequent first: the native function and the managed method that called it.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> BlockingCallSites { get; init => field = new CallSites(value); } = CallSites.None;

    /// <summary>Exceptions nobody joined.</summary>
    public long Unobserved { get; init; }

    // A record prints each member by its ToString, and that of a list names its type.
    private sealed class CallSites(IEnumerable<KeyValuePair<string, long>> sites) : ReadOnlyCollection<KeyValuePair<string, long>>([.. sites])
    {
        public static readonly CallSites None = new([]);

        public override string ToString() => $"[{string.Join("; ", this.Select(static site => $"{site.Key}: {site.Value}"))}]";
    }
}
