using System.Globalization;
using System.Text.Json.Serialization;

namespace Fibers.Diagnostics.Dumps;

/// <summary>What a dump says, before it is text or JSON. Both writers read this and nothing else, so they cannot disagree.</summary>
internal sealed record RuntimeSnapshot
{
    public required int Id { get; init; }
    public required FiberBackend Backend { get; init; }
    public required string? FallbackReason { get; init; }
    public required FiberStatistics Statistics { get; init; }
    public required SchedulerSnapshot? Scheduler { get; init; }
    public required IReadOnlyList<CarrierSnapshot> Carriers { get; init; }
    public required IReadOnlyList<FiberSnapshot> Fibers { get; init; }

    /// <summary>Fibers that were not looked at, because there are so many.</summary>
    public required int Omitted { get; init; }

    /// <summary>Each a list of those that wait for one another, in order; the last waits for the first.</summary>
    public required IReadOnlyList<IReadOnlyList<PartySnapshot>> Cycles { get; init; }

    /// <summary>Null, or why there are no stacks and lock owners on this runtime.</summary>
    public required string? NotInspected { get; init; }
}

internal sealed record SchedulerSnapshot(int Injected, int Starving, int Timers, long? NextDeadlineMs, int? Polling, int IdleVirtualThreads);

internal sealed record CarrierSnapshot(int Index, bool Spare, string State, long? Fiber, int Queued, ulong Switches, string? BlockedIn);

/// <summary>One fiber at one moment. What is null does not apply, or could not be found out.</summary>
internal sealed record FiberSnapshot
{
    public required long Id { get; init; }
    public required string? Name { get; init; }

    /// <summary>queued, running, runnable, parked, or (on a thread of its own) waiting.</summary>
    public required string State { get; init; }
    public int? Carrier { get; init; }
    public double? ForSeconds { get; init; }
    public WaitSnapshot? Wait { get; init; }
    public required long? ParentId { get; init; }
    public required string? ParentName { get; init; }
    public required string? Group { get; init; }
    public required StackSnapshot Stack { get; init; }
}

/// <summary>Why a fiber is parked. <paramref name="Text"/> is the sentence; the rest are its parts, for programs.</summary>
internal sealed record WaitSnapshot(string Reason, string Text)
{
    public int? Descriptor { get; init; }
    public string? Peer { get; init; }
    public double? LeftSeconds { get; init; }

    /// <summary>Never the same for two waits of one party.</summary>
    [JsonIgnore]
    public ulong Stamp { get; init; }

    /// <summary>The sentence, with what is left of the time.</summary>
    public string Left(string sentence) => LeftSeconds is { } seconds ? string.Create(CultureInfo.InvariantCulture, $"{sentence}, {seconds:0.0} s more") : sentence;

    /// <summary>Whoever must act before this wait can end. Empty: it is not known, or anybody could.</summary>
    public IReadOnlyList<PartySnapshot> On { get; init; } = [];
}

/// <summary>A fiber, or an ordinary thread by its managed id.</summary>
internal sealed record PartySnapshot(long? Fiber, int? Thread, string? Name)
{
    /// <summary>The fiber itself, to look at it.</summary>
    [JsonIgnore]
    public Fiber? Handle { get; init; }

    /// <summary>Why this one waits, where it stands in a cycle.</summary>
    public string? Waits { get; init; }

    public StackSnapshot? Stack { get; init; }

    public override string ToString() => (Fiber is { } fiber ? $"fiber {fiber}" : $"thread {Thread}") + (Name is null ? "" : $" \"{Name}\"");
}

/// <summary>Innermost frame first. No frames: <paramref name="Missing"/> says why.</summary>
internal sealed record StackSnapshot(IReadOnlyList<string> Frames, string? Missing)
{
    public static StackSnapshot None(string why) => new([], why);

    public bool SameAs(StackSnapshot other) => Missing == other.Missing && Frames.SequenceEqual(other.Frames);
}
