namespace Fibers.Diagnostics;

/// <summary>The last entries of one row. Any thread; hardly ever contended, because a carrier mostly writes to its own.</summary>
internal sealed class TimelineRing
{
    internal const int Capacity = 1 << 17;
    private const int First = 1 << 8;

    private readonly Lock _lock = new();
    private TimelineEntry[] _entries = new TimelineEntry[First];
    private long _added;

    /// <summary>The carrier of this row only: when its present run, or its idling, began.</summary>
    public long BeganNs { get; set; }

    public void Add(in TimelineEntry entry)
    {
        lock (_lock)
        {
            if (_added == _entries.Length && _entries.Length < Capacity)
                Array.Resize(ref _entries, _entries.Length * 2);
            _entries[_added++ & (_entries.Length - 1)] = entry;
        }
    }

    /// <summary>Oldest first; how many older ones there was no room for is added to <paramref name="dropped"/>.</summary>
    public TimelineEntry[] Snapshot(ref long dropped)
    {
        lock (_lock)
        {
            long first = Math.Max(0, _added - _entries.Length);
            dropped += first;
            var snapshot = new TimelineEntry[_added - first];
            for (long i = first; i < _added; i++)
                snapshot[i - first] = _entries[i & (_entries.Length - 1)];
            return snapshot;
        }
    }
}
