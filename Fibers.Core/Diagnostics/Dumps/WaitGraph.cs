namespace Fibers.Diagnostics.Dumps;

/// <summary>Who waits for whom: an edge for each that must act before a wait can end. A cycle of such edges ends only if a wait in it is given up.</summary>
internal sealed class WaitGraph
{
    private readonly Dictionary<(long Fiber, int Thread), Node> _nodes = [];
    private readonly ThreadReader? _threads;

    private sealed record Node(PartySnapshot Party, IReadOnlyList<PartySnapshot> On);

    public WaitGraph(IEnumerable<FiberSnapshot> fibers, ThreadReader? threads)
    {
        _threads = threads;
        foreach (FiberSnapshot fiber in fibers)
            if (fiber.Wait is { } wait)
                _nodes[(fiber.Id, 0)] = new Node(new PartySnapshot(fiber.Id, null, fiber.Name) { Waits = wait.Text, Stack = fiber.Stack }, wait.On);
    }

    /// <summary>Each cycle once.</summary>
    public IReadOnlyList<IReadOnlyList<PartySnapshot>> Cycles()
    {
        var cycles = new List<IReadOnlyList<PartySnapshot>>();
        var done = new HashSet<(long, int)>();
        foreach ((long, int) start in _nodes.Keys.ToArray())
            Follow(start, done, cycles);
        return cycles;
    }

    // Depth first, without recursion: chains may be as long as there are fibers.
    private void Follow((long, int) start, HashSet<(long, int)> done, List<IReadOnlyList<PartySnapshot>> cycles)
    {
        var path = new List<((long, int) Key, int Next)>();
        var onPath = new Dictionary<(long, int), int>();
        Push(start);
        while (path.Count > 0)
        {
            ((long, int) key, int next) = path[^1];
            IReadOnlyList<PartySnapshot> on = Find(key)?.On ?? [];
            if (next == on.Count)
            {
                path.RemoveAt(path.Count - 1);
                onPath.Remove(key);
                done.Add(key);
                continue;
            }

            path[^1] = (key, next + 1);
            (long, int) to = KeyOf(on[next]);
            if (onPath.TryGetValue(to, out int first))
                cycles.Add([.. path.Skip(first).Select(step => Find(step.Key)!.Party)]);
            else
                Push(to);
        }

        void Push((long, int) key)
        {
            if (done.Contains(key) || Find(key) is null)
                return;
            onPath[key] = path.Count;
            path.Add((key, 0));
        }
    }

    private static (long, int) KeyOf(PartySnapshot party) => (party.Fiber ?? 0, party.Thread ?? 0);

    // A thread becomes known when somebody waits for it.
    private Node? Find((long Fiber, int Thread) key)
    {
        if (_nodes.TryGetValue(key, out Node? node))
            return node;
        if (key.Thread == 0 || _threads?.Read(key.Thread) is not { } thread)
            return null;
        string? name = _nodes.Values.SelectMany(static one => one.On).FirstOrDefault(party => party.Thread == key.Thread)?.Name;
        return _nodes[key] = new Node(new PartySnapshot(null, key.Thread, name) { Waits = thread.Wait.Text, Stack = thread.Stack }, thread.Wait.On);
    }
}
