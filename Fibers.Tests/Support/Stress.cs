using System.Diagnostics;
using System.Globalization;

namespace Fibers.Tests.Support;

/// <summary>Tests that race: for how long, and with which seed. FIBERS_STRESS_SECONDS and FIBERS_STRESS_SEED say otherwise.</summary>
internal static class Stress
{
    public static int Seed { get; } = Number("FIBERS_STRESS_SEED", Random.Shared.Next());

    public static TimeSpan Duration { get; } = TimeSpan.FromSeconds(Number("FIBERS_STRESS_SECONDS", 3));

    /// <summary>Again and again, for a share of the time there is; once at least. A failure names the seed.</summary>
    public static void For(double share, Action round)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            try
            {
                round();
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"With FIBERS_STRESS_SEED={Seed}: {exception.Message}", exception);
            }
        }
        while (Stopwatch.GetElapsedTime(start) < Duration * share);
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int number) ? number : otherwise;
}
