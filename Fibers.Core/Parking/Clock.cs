using System.Diagnostics;

namespace Fibers.Parking;

/// <summary>Monotonic nanoseconds: the clock of every deadline (CLOCK_MONOTONIC on Linux, which Stopwatch reads).</summary>
internal static class Clock
{
    public const long Never = long.MaxValue;

    private static readonly double s_nanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    public static long Now => Stopwatch.Frequency == 1_000_000_000 ? Stopwatch.GetTimestamp() : (long)(Stopwatch.GetTimestamp() * s_nanosecondsPerTick);

    /// <summary>Negative (other than <see cref="Timeout.InfiniteTimeSpan"/>) throws; too far ahead means never.</summary>
    public static long After(TimeSpan timeout, string parameter)
    {
        if (timeout == Timeout.InfiniteTimeSpan)
            return Never;
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero, parameter);
        if (timeout.Ticks > long.MaxValue / 200)
            return Never;
        return Now + timeout.Ticks * 100;
    }
}
