namespace Fibers.Demos;

/// <summary>One carrier. Fibers that yield share it fairly; one that does not would starve them, if the watchdog did not put a spare carrier beside it.</summary>
internal static class Starvation
{
    private const int Fibers = 10, Turns = 100;

    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1 });
        double unfairness = Claim.BestRatio(5, 2, () => runtime.Run(TakeTurns));
        Claim.That(unfairness < 2, $"{Fibers} fibers that yield: when the first had {Turns} turns, every other had more than half as many. Who yields goes to the end of the queue.");
        bool others = runtime.Run(RunBesideAGreedyOne);
        Claim.That(others, "Beside one that computes and never yields, another ran all the same, and to its end: a spare carrier came to run it.");
        Claim.That(runtime.Statistics.SparesStarted > 0, "Spare carriers started: at least one. They go again when there is nothing for them to do.");
    }

    // How many times as many turns the first had as the last.
    private static double TakeTurns()
    {
        var turns = new int[Fibers];
        int ready = 0;
        bool over = false;
        Fiber[] all = [.. Enumerable.Range(0, Fibers).Select(i => Fiber.SpawnConcurrent(() =>
        {
            Interlocked.Increment(ref ready);
            while (Volatile.Read(ref ready) < Fibers)
                Fiber.Yield();
            while (!Volatile.Read(ref over))
            {
                if (++turns[i] == Turns)
                    Volatile.Write(ref over, true);
                Fiber.Yield();
            }
        }))];
        foreach (Fiber fiber in all)
            fiber.Join();
        return (double)turns.Max() / turns.Min();
    }

    private static bool RunBesideAGreedyOne()
    {
        bool computes = false, ran = false;
        using Fiber other = Fiber.SpawnConcurrent(() =>
        {
            while (!Volatile.Read(ref computes))
                Fiber.Yield();
            Volatile.Write(ref ran, true);
        });
        using Fiber greedy = Fiber.SpawnConcurrent(() =>
        {
            Volatile.Write(ref computes, true);
            while (!Volatile.Read(ref ran)) // holds on to the carrier
            {
            }
        });
        other.Join();
        greedy.Join();
        return ran;
    }
}
