using System.Globalization;
using System.Text;

namespace Fibers.Benchmarks.Harness;

/// <summary>The same for the documentation. Each question has its place there, between <c>&lt;!-- NAME: begin --&gt;</c> and <c>&lt;!-- NAME: end --&gt;</c>.</summary>
internal static class MarkdownTables
{
    /// <summary>Rewrites the places of these results in <paramref name="file"/>; the rest, and the places of other questions, stay.</summary>
    public static void Update(string file, Results results)
    {
        string text = File.ReadAllText(file);
        int places = 0;
        foreach (IGrouping<string, Answer> question in results.Answers.GroupBy(static answer => answer.Sheet?.Name ?? answer.Name))
            places += Replace(ref text, question.Key, Caption(results, question.First()) + Table([.. question])) ? 1 : 0;
        if (places == 0)
            throw new ArgumentException($"{file} has no place for any of these answers, such as '{Begin("NAME")}' and '{End("NAME")}'.");
        File.WriteAllText(file, text);
    }

    /// <summary>Puts a picture in its place in <paramref name="file"/>, if it has one: <c>plot-NAME</c>.</summary>
    public static void Show(string file, string name, string title, string picture)
    {
        string text = File.ReadAllText(file);
        string path = Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(file))!, Path.GetFullPath(picture));
        if (Replace(ref text, $"plot-{name}", $"![{title}]({path})\n"))
            File.WriteAllText(file, text);
    }

    private static string Caption(Results results, Answer first)
    {
        int rounds = first.Lines[0].Rounds.Count;
        string asks = first.Sheet?.Asks ?? $"{first.Asks}, {first.Unit}, {(first.MoreIsBetter ? "more" : "less")} is better";
        string brackets = first.Sheet is null ? "" : ", in brackets how many times better the first column is";
        return $"**{asks}** (`{first.Sheet?.Name ?? first.Name}`; {(rounds == 1 ? "one round" : $"medians of {rounds} rounds")}{brackets}; {results.Machine})\n\n";
    }

    private static string Table(IReadOnlyList<Answer> answers)
    {
        var text = new StringBuilder();
        if (answers[0].Sheet is not null)
        {
            IReadOnlyList<string> contenders = Wording.Contenders(answers);
            text.AppendLine($"| | | {string.Join(" | ", contenders)} |").AppendLine($"|---|---|{string.Concat(contenders.Select(static _ => "---:|"))}");
            foreach (Answer answer in answers)
                text.AppendLine($"| {answer.Asks} | {answer.Unit} | {string.Join(" | ", contenders.Select(contender => Wording.Cell(answer, contender)))} |");
            return text.ToString();
        }

        Answer only = answers[0];
        text.AppendLine("| | median | lowest | highest | fibers are | processor ns | fibers take |").AppendLine("|---|---:|---:|---:|---|---:|---|");
        foreach (Answer.Line line in only.Lines)
            text.AppendLine(CultureInfo.InvariantCulture, $"| {line.Contender} | {Wording.Number(line.Median)} | {Wording.Number(line.Lowest)} | {Wording.Number(line.Highest)} | {Wording.Headline(only, line)} | {Wording.Processor(line)} | {Wording.ProcessorHeadline(only, line)} |");
        return text.ToString();
    }

    private static bool Replace(ref string text, string name, string content)
    {
        int from = text.IndexOf(Begin(name), StringComparison.Ordinal), to = text.IndexOf(End(name), StringComparison.Ordinal);
        if (from < 0 || to < from)
            return false;
        text = $"{text[..(from + Begin(name).Length)]}\n{content}\n{text[to..]}";
        return true;
    }

    private static string Begin(string name) => $"<!-- {name}: begin -->";

    private static string End(string name) => $"<!-- {name}: end -->";
}
