namespace Fibers.Benchmarks.Harness;

internal sealed record Answer(string Name, string Asks, string Unit, bool MoreIsBetter, IReadOnlyList<Answer.Line> Lines)
{
    /// <summary>How many times better our figure is than this one.</summary>
    public double Ratio(Line other) => MoreIsBetter ? Lines[0].Median / other.Median : other.Median / Lines[0].Median;

    /// <summary>One contender's figures, a round each.</summary>
    public sealed record Line(string Contender, IReadOnlyList<double> Rounds)
    {
        public double Median { get; } = MedianOf(Rounds);

        private static double MedianOf(IReadOnlyList<double> values)
        {
            double[] sorted = [.. values.Order()];
            int middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }
}
