namespace Fibers.Diagnostics.Dumps;

/// <summary>One who waits, and for whom. <paramref name="Stamp"/> changes when it stops waiting.</summary>
internal sealed record WaitNode(PartySnapshot Party, IReadOnlyList<PartySnapshot> On, ulong Stamp)
{
    public static WaitNode? Of(PartySnapshot party, FiberSnapshot fiber) => fiber.Wait is { } wait ? new WaitNode(party with { Waits = wait.Text, Stack = fiber.Stack }, wait.On, wait.Stamp) : null;
}

/// <summary>Who waits for whom: an edge for each that must act before a wait can end. A circle of such edges ends only if somebody in it gives up.</summary>
/// <remarks>Edges are fibers joined, members of groups, and owners of monitors and locks; waits with a deadline have none, nor those that anybody may end (channels, events, descriptors).</remarks>
internal sealed class WaitGraph(Func<PartySnapshot, WaitNode?> read)
{
    private readonly Dictionary<(long, int), WaitNode?> _nodes = [];
    private readonly HashSet<(long, int)> _done = [];

    /// <summary>Each circle that can be reached from there and was not seen before: the way to it, and where on the way it begins.</summary>
    public IReadOnlyList<(IReadOnlyList<WaitNode> Way, int First)> Follow(PartySnapshot start)
    {
        // Depth first, without recursion: a chain may be as long as there are fibers.
        var circles = new List<(IReadOnlyList<WaitNode>, int)>();
        var way = new List<(WaitNode Node, int Next)>();
        var places = new Dictionary<(long, int), int>();
        Enter(start);
        while (way.Count > 0)
        {
            (WaitNode node, int next) = way[^1];
            if (next == node.On.Count)
            {
                way.RemoveAt(way.Count - 1);
                places.Remove(KeyOf(node.Party));
                _done.Add(KeyOf(node.Party));
                continue;
            }

            way[^1] = (node, next + 1);
            if (places.TryGetValue(KeyOf(node.On[next]), out int first))
                circles.Add(([.. way.Select(static step => step.Node)], first));
            else
                Enter(node.On[next]);
        }

        return circles;

        void Enter(PartySnapshot party)
        {
            if (_done.Contains(KeyOf(party)) || Find(party) is not { } node)
                return;
            places[KeyOf(party)] = way.Count;
            way.Add((node, 0));
        }
    }

    private WaitNode? Find(PartySnapshot party)
    {
        if (!_nodes.TryGetValue(KeyOf(party), out WaitNode? node))
            _nodes[KeyOf(party)] = node = read(party);
        return node;
    }

    private static (long, int) KeyOf(PartySnapshot party) => (party.Fiber ?? 0, party.Thread ?? 0);
}
