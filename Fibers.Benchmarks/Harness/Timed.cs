using System.Diagnostics;

namespace Fibers.Benchmarks.Harness;

internal static class Timed
{
    /// <summary>Nanoseconds per operation, and processor time of the whole process per operation.</summary>
    public static Figure PerOperation(long operations, Action action)
    {
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        action();
        double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        return new Figure(elapsed / operations, (Environment.CpuUsage.TotalTime - processor).TotalNanoseconds / operations);
    }
}
