using System.Diagnostics;

namespace Fibers.Benchmarks.Harness;

internal static class Timed
{
    private const int Parts = 100;

    /// <summary>Nanoseconds per operation, and processor time of the whole process per operation.</summary>
    public static Figure PerOperation(long operations, Action action)
    {
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        action();
        double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        return new Figure(elapsed / operations, (Environment.CpuUsage.TotalTime - processor).TotalNanoseconds / operations);
    }

    /// <summary>
    /// All the repetitions, a hundredth at a time. A loop that goes on for long in one call is compiled while it runs, and keeps to that code, which is not the best;
    /// a method that is called often gets the code it would have in a program that runs for long.
    /// </summary>
    public static void InParts(int times, Action<int> part)
    {
        for (int i = 0; i < Parts; i++)
            part(times / Parts + (i < times % Parts ? 1 : 0));
    }
}
