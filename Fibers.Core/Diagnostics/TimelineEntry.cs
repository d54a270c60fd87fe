using Fibers.Parking;

namespace Fibers.Diagnostics;

internal enum TimelineKind : byte
{
    Run,         // Fiber ran on Row
    Idle,        // Row had nothing to do; Other: 1 when it waited in the poller
    Spawned,     // Fiber; Other: by which fiber
    Woken,       // Fiber; Other: by which fiber
    Inline,      // Fiber ran on whoever spawned or joined it
    Steal,       // Row took Fiber from the carrier Other
    Blocked,     // Fiber keeps Row
    SpareStarts,
    SpareRetires,
}

/// <summary>One thing that happened. What a field means is said at the <see cref="TimelineKind"/>; times are of <see cref="Clock"/>.</summary>
internal readonly record struct TimelineEntry(TimelineKind Kind, int Row, long BeginNs, long EndNs, long Fiber = 0, string? Name = null, long Other = TimelineEntry.Nobody)
{
    public const long Nobody = -1;

    public RequestKind Request { get; init; }

    public ParkReason Reason { get; init; }

    /// <summary>The descriptor a run ended for, or how many when it polls.</summary>
    public int Descriptor { get; init; }

    /// <summary>The run ended in a wait with a deadline.</summary>
    public bool Timed { get; init; }

    public Wake Wake { get; init; }

    /// <summary>The carrier that found the deadline passed or the descriptor ready, or <see cref="Nobody"/>.</summary>
    public int Finder { get; init; }

    /// <summary>Why the run ended.</summary>
    public string Ending => Request switch
    {
        RequestKind.None => "taken by the rescue carrier",
        RequestKind.Yield => "yields",
        RequestKind.Finished => "ended",
        RequestKind.Descriptor => $"{Reason.ToString().ToLowerInvariant()} fd {Descriptor}",
        RequestKind.Poll => $"poll {Descriptor} descriptors",
        _ => Reason switch
        {
            ParkReason.RuntimeWait => Timed ? "Thread.Sleep, or a wait with a time-out" : "lock or event",
            ParkReason.Name => "name look-up",
            _ => Reason.ToString().ToLowerInvariant(),
        },
    };

    public string FiberName => NameOf(Fiber, Name);

    public static string NameOf(long fiber, string? name) => name is null ? $"fiber {fiber}" : $"{name} ({fiber})";
}
