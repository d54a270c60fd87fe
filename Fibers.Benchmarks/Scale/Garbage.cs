using System.Diagnostics;

namespace Fibers.Benchmarks.Scale;

/// <summary>What a program that allocates pays for collections, which it does not force.</summary>
internal static class Garbage
{
    private const int ObjectSize = 1000;
    private const int Megabyte = 1_000_000;

    /// <summary>Allocates so much that dies at once: microseconds in all, microseconds of that in which collections stopped the process, number of collections.</summary>
    public static double[] Make(int megabytes)
    {
        int collections = GC.CollectionCount(0);
        TimeSpan paused = GC.GetTotalPauseDuration();
        long start = Stopwatch.GetTimestamp();
        for (long i = 0; i < (long)megabytes * Megabyte / ObjectSize; i++)
            GC.KeepAlive(new byte[ObjectSize]);
        double elapsed = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        return [elapsed, (GC.GetTotalPauseDuration() - paused).TotalMicroseconds, GC.CollectionCount(0) - collections];
    }
}
