using System.Text.Json;

namespace Fibers.Benchmarks.Harness;

/// <summary>All that one run told, and its form as a file: every round's figure is kept, so that tables and plots can be made again without measuring.</summary>
internal sealed record Results(string Machine, string Effort, IReadOnlyList<Answer> Answers)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public void Save(string file) => File.WriteAllText(file, JsonSerializer.Serialize(new RunDocument(Machine, Effort, [.. Answers.Select(AnswerDocument.Of)]), s_json) + "\n");

    public static Results Load(string file)
    {
        RunDocument run = JsonSerializer.Deserialize<RunDocument>(File.ReadAllText(file), s_json) ?? throw new ArgumentException($"{file} holds no results.");
        return new Results(run.Machine, run.Effort, [.. run.Answers.Select(static answer => answer.ToAnswer())]);
    }

    private sealed record RunDocument(string Machine, string Effort, IReadOnlyList<AnswerDocument> Answers);

    private sealed record AnswerDocument(string Name, string Asks, string Unit, bool MoreIsBetter, Sheet? Sheet, IReadOnlyList<LineDocument> Contenders)
    {
        public static AnswerDocument Of(Answer answer) => new(answer.Name, answer.Asks, answer.Unit, answer.MoreIsBetter, answer.Sheet,
            [.. answer.Lines.Select(line => new LineDocument(line.Contender, line.Median, line.ProcessorNs, answer.Ratio(line), answer.ProcessorRatio(line), line.Rounds))]);

        public Answer ToAnswer() => new(Name, Asks, Unit, MoreIsBetter, Sheet, [.. Contenders.Select(static line => new Answer.Line(line.Contender, line.Rounds))]);
    }

    // Median and ratios are for whoever reads the file; we make them again from the rounds.
    private sealed record LineDocument(string Contender, double Median, double? ProcessorNs, double? FibersAreBetterBy, double? ProcessorTimeRatio, IReadOnlyList<Figure> Rounds);
}
