namespace Fibers.Benchmarks.Torture;

/// <summary>Spawns, joins, and meets what the children threw.</summary>
internal sealed class SpawnChurn(World world, Diary diary, Random random)
{
    public void Run()
    {
        var children = new List<(Fiber<Graph> Fiber, long Seed, bool Throws)>();
        while (!world.Stopping)
        {
            diary.Now(Step.Spawning);
            for (int i = random.Next(1, 12); i > 0; i--)
            {
                long seed = random.NextInt64();
                bool throws = random.Next(6) == 0;
                int kind = random.Next(4);
                children.Add((Fiber.Spawn(() => Child(seed, kind, throws)), seed, throws));
            }

            diary.Now(Step.Joining);
            foreach ((Fiber<Graph> fiber, long seed, bool throws) in children)
                Meet(fiber, seed, throws);
            children.Clear();
        }
    }

    private static Graph Child(long seed, int kind, bool throws)
    {
        Graph graph = Graph.Build(seed, 4);
        switch (kind)
        {
            case 0: Fiber.Yield(); break;
            case 1: Fiber.Sleep(TimeSpan.FromMicroseconds(300)); break;
            case 2: Thread.Sleep(1); break;
        }

        return throws ? throw new FormatException($"{seed}") : graph;
    }

    private void Meet(Fiber<Graph> fiber, long seed, bool throws)
    {
        bool caught = false;
        try
        {
            fiber.Join().Check(seed, 4);
        }
        catch (FormatException exception)
        {
            caught = exception.Message == $"{seed}" && exception.StackTrace!.Contains(nameof(Child), StringComparison.Ordinal);
        }

        Verify.That(caught == throws, $"a child that {(throws ? "throws" : "returns")} was joined otherwise");
        diary.Advance();
    }
}
