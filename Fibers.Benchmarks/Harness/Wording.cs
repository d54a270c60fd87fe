using System.Globalization;

namespace Fibers.Benchmarks.Harness;

/// <summary>Figures and ratios as the tables say them.</summary>
internal static class Wording
{
    public static string Number(double value) => value.ToString(Math.Abs(value) switch
    {
        >= 1000 => "N0",
        >= 100 => "F0",
        >= 1 or 0 => "F1",
        _ => "F3",
    }, CultureInfo.InvariantCulture);

    /// <summary>The ratio as a headline; nothing for the fibers themselves.</summary>
    public static string Headline(Answer answer, Answer.Line line)
    {
        if (line == answer.Lines[0] || answer.Ratio(line) is not { } ratio)
            return "";
        string kind = answer.MoreIsBetter || answer.Unit.StartsWith("ns", StringComparison.Ordinal) ? ratio >= 1 ? "faster" : "as fast" : ratio >= 1 ? "better" : "as good";
        return string.Create(CultureInfo.InvariantCulture, $"{ratio:F2} times {kind}");
    }

    public static string Processor(Answer.Line line) => line.ProcessorNs is { } nanoseconds ? Number(nanoseconds) : "";

    public static string ProcessorHeadline(Answer answer, Answer.Line line) => line != answer.Lines[0] && answer.ProcessorRatio(line) is { } ratio
        ? string.Create(CultureInfo.InvariantCulture, $"{1 / ratio:F2} times that")
        : "";

    /// <summary>A sheet's cell: the median, and in brackets how many times better the first column is.</summary>
    public static string Cell(Answer answer, string contender)
    {
        if (answer.Lines.FirstOrDefault(line => line.Contender == contender) is not { } line)
            return "";
        return line != answer.Lines[0] && answer.Ratio(line) is { } ratio ? $"{Number(line.Median)} ({Ratio(ratio)})" : Number(line.Median);
    }

    private static string Ratio(double ratio) => ratio.ToString(ratio >= 100 ? "N0" : "F2", CultureInfo.InvariantCulture);

    /// <summary>The columns of a sheet, ours first.</summary>
    public static IReadOnlyList<string> Contenders(IEnumerable<Answer> sheet) => [.. sheet.SelectMany(static answer => answer.Lines).Select(static line => line.Contender).Distinct()];
}
