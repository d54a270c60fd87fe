using System.Diagnostics;

namespace Fibers.Demos;

/// <summary>What a demo says about times and counts it also checks: as a ratio, because machines differ.</summary>
internal static class Claim
{
    /// <summary>Prints the sentence if it is true; else the demo fails with it.</summary>
    public static void That(bool holds, string sentence)
    {
        if (!holds)
            throw new ClaimException(sentence);
        Console.WriteLine(sentence);
    }

    public static TimeSpan Time(Action body)
    {
        long start = Stopwatch.GetTimestamp();
        body();
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>The least ratio of several tries: a busy machine only makes single times longer.</summary>
    public static double BestRatio(int tries, double enough, Func<double> measure)
    {
        double best = double.MaxValue;
        for (int i = 0; i < tries && best > enough; i++)
            best = Math.Min(best, measure());
        return best;
    }
}

internal sealed class ClaimException(string sentence) : Exception($"It did not come out like this here: {sentence}");
