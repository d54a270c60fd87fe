using System.Diagnostics.Tracing;
using Fibers.Parking;

namespace Fibers.Diagnostics;

/// <summary>A time in which the whole process stood still. Generation: of the collection that began in it, or -1.</summary>
internal readonly record struct TimelinePause(long BeginNs, long EndNs, int Generation);

/// <summary>When the collector stopped the process, by the runtime's own events. They come late, with the time they were made.</summary>
internal sealed class TimelineCollections : EventListener
{
    private const EventKeywords Collector = (EventKeywords)1;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly List<TimelinePause> _pauses = [];
    private readonly long _startNs = Clock.Now;
    private readonly DateTime _startUtc = DateTime.UtcNow;
    private readonly int _before = GC.CollectionCount(0);
    private long _stoppedNs;
    private int _generation = -1;
    private int _seen;

    /// <summary>Waits until the events of every collection so far have come, if not for ever.</summary>
    public TimelinePause[] Finish()
    {
        int collections = GC.CollectionCount(0) - _before; // of every generation
        SpinWait.SpinUntil(() => Volatile.Read(ref _seen) >= collections, s_patience);
        lock (_lock)
            return [.. _pauses];
    }

    protected override void OnEventSourceCreated(EventSource source)
    {
        if (source.Name == "Microsoft-Windows-DotNETRuntime")
            EnableEvents(source, EventLevel.Informational, Collector);
    }

    protected override void OnEventWritten(EventWrittenEventArgs e)
    {
        lock (_lock)
        {
            switch (e.EventName)
            {
                case "GCSuspendEEBegin_V1":
                    _stoppedNs = When(e);
                    _generation = -1;
                    break;
                case "GCStart_V2":
                    _generation = (int)(uint)e.Payload![e.PayloadNames!.IndexOf("Depth")]!;
                    break;
                case "GCRestartEEEnd_V1" when _stoppedNs != 0:
                    _pauses.Add(new TimelinePause(_stoppedNs, When(e), _generation));
                    _seen += _generation >= 0 ? 1 : 0;
                    _stoppedNs = 0;
                    break;
            }
        }
    }

    private long When(EventWrittenEventArgs e) => _startNs + (e.TimeStamp - _startUtc).Ticks * TimeSpan.NanosecondsPerTick;
}
