namespace Fibers.Benchmarks.Scale;

/// <summary>How long collections stop this process.</summary>
internal static class Pauses
{
    private const int GarbageObjects = 1000;

    /// <summary>Forces so many of one generation; the pause of each in microseconds, from the moment the threads are asked to stop until they may go on.</summary>
    public static IEnumerable<double> Of(int generation, int times)
    {
        for (int i = 0; i < times; i++)
        {
            for (int garbage = 0; garbage < GarbageObjects; garbage++)
                GC.KeepAlive(new object());
            TimeSpan before = GC.GetTotalPauseDuration();
            GC.Collect(generation, GCCollectionMode.Forced, blocking: true);
            yield return (GC.GetTotalPauseDuration() - before).TotalMicroseconds;
        }
    }
}
