using Fibers.Diagnostics.Dumps;

namespace Fibers.Diagnostics;

/// <summary>Finds that a fiber can never end because it waits, perhaps by way of others, for some who wait for one another in a circle. No false alarm, with one exception: somebody outside who
/// means to cancel or interrupt one of them later. Where that is prepared, by a fiber's cancellation token, nothing is reported.</summary>
/// <remarks>
/// Why that is sound: the way from the fiber and round the circle is read twice. Park numbers are never used again, so each fiber on it stood all the time in between; so did a thread that waits both times for the same lock,
/// whose owner stood. Each of them can go on only when the next one acts, and none does. Whoever else may run in the process does not matter, unlike for waits that anybody could end.
/// </remarks>
internal static class CircleFinder
{
    private const int MaxLooks = 2_000; // it is looked for again and again: rather miss one among very many

    /// <summary>Null: there is none. Else those in the circle, in order.</summary>
    public static IReadOnlyList<PartySnapshot>? Find(FiberRuntime runtime, Fiber from)
    {
        if (Look(runtime, from) is not { } before || Look(runtime, from) is not { } after)
            return null;
        if (after.Way.Any(static node => node.Party.Handle is { IsLinked: true }))
            return null;
        return before.First == after.First && before.Way.Select(Trace).SequenceEqual(after.Way.Select(Trace)) ? [.. after.Way.Skip(after.First).Select(static node => node.Party)] : null;
    }

    private static (long?, int?, ulong) Trace(WaitNode node) => (node.Party.Fiber, node.Party.Thread, node.Stamp);

    private static (IReadOnlyList<WaitNode> Way, int First)? Look(FiberRuntime runtime, Fiber from)
    {
        int left = MaxLooks;
        var stacks = new StackReader();
        var parties = new Parties(runtime);
        var reader = new FiberReader(stacks, parties);
        var threads = new ThreadReader(stacks, parties);
        var graph = new WaitGraph(party => left-- <= 0 ? null : party.Handle is { } fiber ? WaitNode.Of(party, reader.Read(fiber)) : threads.Read(party));
        return graph.Follow(Parties.Of(from)) is [var first, ..] ? first : null;
    }
}
