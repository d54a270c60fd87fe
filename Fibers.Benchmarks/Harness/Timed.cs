using System.Diagnostics;

namespace Fibers.Benchmarks.Harness;

internal static class Timed
{
    /// <summary>Nanoseconds per operation.</summary>
    public static double PerOperation(long operations, Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / operations;
    }
}
