using System.Globalization;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace Fibers.Benchmarks.Harness;

/// <summary>The same answers for people, for programs, and for the documentation.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    public static void ToConsole(Answer answer)
    {
        var table = new Table().Title(answer.Asks.EscapeMarkup()).AddColumn("").AddColumn(new TableColumn($"median {answer.Unit}").RightAligned())
            .AddColumn(new TableColumn("lowest").RightAligned()).AddColumn(new TableColumn("highest").RightAligned()).AddColumn("fibers are").AddColumn(new TableColumn("processor ns").RightAligned()).AddColumn("fibers take");
        foreach (Answer.Line line in answer.Lines)
            table.AddRow(line.Contender.EscapeMarkup(), Number(line.Median), Number(line.Lowest), Number(line.Highest), Headline(answer, line), Processor(line), ProcessorHeadline(answer, line));
        AnsiConsole.Write(table);
    }

    public static void ToJson(string file, Effort effort, IEnumerable<Answer> answers)
    {
        var report = new
        {
            machine = Machine.Describe(),
            effort = effort.Name,
            answers = answers.Select(static answer => new
            {
                answer.Name,
                answer.Asks,
                answer.Unit,
                answer.MoreIsBetter,
                contenders = answer.Lines.Select(line => new { line.Contender, line.Median, line.ProcessorNs, line.Rounds, fibersAreBetterBy = answer.Ratio(line), processorTimeRatio = answer.ProcessorRatio(line) }),
            }),
        };
        File.WriteAllText(file, JsonSerializer.Serialize(report, s_json) + "\n");
    }

    /// <summary>Rewrites what stands between the two marks in <paramref name="file"/>.</summary>
    public static void ToMarkdown(string file, Effort effort, IEnumerable<Answer> answers)
    {
        string begin = $"<!-- {effort.Name}: begin -->", end = $"<!-- {effort.Name}: end -->";
        string text = File.ReadAllText(file);
        int from = text.IndexOf(begin, StringComparison.Ordinal), to = text.IndexOf(end, StringComparison.Ordinal);
        if (from < 0 || to < from)
            throw new ArgumentException($"{file} has no section between '{begin}' and '{end}'.");
        File.WriteAllText(file, text[..(from + begin.Length)] + "\n" + Tables(effort, answers) + text[to..]);
    }

    private static string Tables(Effort effort, IEnumerable<Answer> answers)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"Machine: {Machine.Describe()}. Medians of {effort.Rounds} rounds, contenders in turn.").AppendLine();
        foreach (Answer answer in answers)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"**{answer.Asks}** (`{answer.Name}`, {answer.Unit}, {(answer.MoreIsBetter ? "more" : "less")} is better)").AppendLine();
            text.AppendLine("| | median | lowest | highest | fibers are | processor ns | fibers take |").AppendLine("|---|---:|---:|---:|---|---:|---|");
            foreach (Answer.Line line in answer.Lines)
                text.AppendLine(CultureInfo.InvariantCulture, $"| {line.Contender} | {Number(line.Median)} | {Number(line.Lowest)} | {Number(line.Highest)} | {Headline(answer, line)} | {Processor(line)} | {ProcessorHeadline(answer, line)} |");
            text.AppendLine();
        }

        return text.ToString();
    }

    private static string Headline(Answer answer, Answer.Line line)
    {
        if (line == answer.Lines[0])
            return "";
        double ratio = answer.Ratio(line);
        string kind = answer.MoreIsBetter || answer.Unit.StartsWith("ns", StringComparison.Ordinal) ? ratio >= 1 ? "faster" : "as fast" : ratio >= 1 ? "better" : "as good";
        return string.Create(CultureInfo.InvariantCulture, $"{ratio:F2} times {kind}");
    }

    private static string Processor(Answer.Line line) => line.ProcessorNs is { } nanoseconds ? Number(nanoseconds) : "";

    private static string ProcessorHeadline(Answer answer, Answer.Line line) => line != answer.Lines[0] && answer.ProcessorRatio(line) is { } ratio
        ? string.Create(CultureInfo.InvariantCulture, $"{1 / ratio:F2} times that")
        : "";

    private static string Number(double value) => value.ToString(value >= 1000 ? "N0" : value >= 100 ? "F0" : "F1", CultureInfo.InvariantCulture);
}
