namespace Fibers.Benchmarks.Harness;

/// <summary>What the rounds told about one row of a question.</summary>
/// <param name="Name">The question's, or the row's within its sheet.</param>
/// <param name="Asks">In words, for the tables.</param>
/// <param name="Unit">Of every figure.</param>
/// <param name="MoreIsBetter">Of the figures.</param>
/// <param name="Sheet">Where it is shown, if not in a table of its own.</param>
/// <param name="Lines">A line for each contender, ours first.</param>
internal sealed record Answer(string Name, string Asks, string Unit, bool MoreIsBetter, Sheet? Sheet, IReadOnlyList<Answer.Line> Lines)
{
    /// <summary>How many times better our figure is than this one; null where there is no such number.</summary>
    public double? Ratio(Line other) => Finite(MoreIsBetter ? Lines[0].Median / other.Median : other.Median / Lines[0].Median);

    /// <summary>How many times less processor time an operation of ours takes, where both are known.</summary>
    public double? ProcessorRatio(Line other) => Finite(other.ProcessorNs / Lines[0].ProcessorNs);

    private static double? Finite(double? ratio) => ratio is { } number && double.IsFinite(number) && number > 0 ? number : null;

    /// <summary>One contender's figures, a round each.</summary>
    public sealed record Line(string Contender, IReadOnlyList<Figure> Rounds)
    {
        public double Median { get; } = MedianOf(Rounds.Select(static round => round.Value));

        public double Lowest => Rounds.Min(static round => round.Value);

        public double Highest => Rounds.Max(static round => round.Value);

        public double? ProcessorNs { get; } = Rounds.All(static round => round.ProcessorNs is not null) ? MedianOf(Rounds.Select(static round => round.ProcessorNs!.Value)) : null;

        public static double MedianOf(IEnumerable<double> values)
        {
            double[] sorted = [.. values.Order()];
            int middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }
}

/// <summary>Several answers in one table.</summary>
internal sealed record Sheet(string Name, string Asks);
