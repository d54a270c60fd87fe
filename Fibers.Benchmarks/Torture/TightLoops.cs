using System.Runtime.CompilerServices;

namespace Fibers.Benchmarks.Torture;

/// <summary>Computes without a call, so that the collector has to stop it by a signal. Keeps a graph alive meanwhile.</summary>
internal sealed class TightLoops(World world, Diary diary, Random random)
{
    public void Run()
    {
        while (!world.Stopping)
        {
            long seed = random.NextInt64();
            Graph graph = Graph.Build(seed, 8);
            diary.Now(Step.TightLoop);
            long turns = random.Next(100_000, 20_000_000);
            Verify.That(Spin(turns) == turns, "a register was lost in a tight loop");
            graph.Check(seed, 8);
            diary.Advance();
            diary.Now(Step.FiberSleep);
            Fiber.Sleep(TimeSpan.FromMilliseconds(random.Next(1, 20)));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Spin(long turns)
    {
        long count = 0;
        uint noise = 1;
        while (count < turns)
        {
            noise = noise * 1664525 + 1013904223;
            count += (noise | 1) & 1;
        }

        return count;
    }
}
