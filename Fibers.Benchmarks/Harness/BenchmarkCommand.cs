using Spectre.Console;

namespace Fibers.Benchmarks.Harness;

/// <summary>list, quick, all, smoke, or one question by name.</summary>
internal static class BenchmarkCommand
{
    public static int List()
    {
        foreach (Question question in Catalogue.All)
            Console.WriteLine($"{question.Name,-14} {(question.InQuick ? "quick" : ""),-6} {question.Asks}");
        return 0;
    }

    public static int Run(Arguments arguments)
    {
        (Effort effort, IReadOnlyList<Question> questions) = arguments.Verb switch
        {
            "quick" => (Effort.Quick, [.. Catalogue.All.Where(static question => question.InQuick)]),
            "all" => (Effort.Full, Catalogue.All),
            "smoke" => (Effort.Smoke, Catalogue.All),
            string name => (Effort.Full, (IReadOnlyList<Question>)[.. Catalogue.All.Where(question => question.Name == name || question.Sheet?.Name == name)]),
        };
        if (questions.Count == 0)
            throw new ArgumentException($"There is no benchmark '{arguments.Verb}'. 'list' shows them.");
        string? json = arguments.Text("json"), markdown = arguments.Text("markdown");
        effort = effort with { Rounds = arguments.Number("rounds", effort.Rounds) };
        arguments.RejectTheRest();
        Widen();
        Console.WriteLine(Machine.Describe());
        var answers = new List<Answer>();
        bool failed = false;
        foreach (Question question in questions)
        {
            if (WhyNot(question, effort) is { } reason)
            {
                AnsiConsole.MarkupLineInterpolated($"[yellow]{question.Name} is left out: {reason}[/]");
                continue;
            }

            IReadOnlyList<Answer> told;
            try
            {
                told = Interview.Ask(question, effort);
            }
            catch (Exception exception) when (questions.Count > 1) // an hour's other answers are not to be lost
            {
                Console.Error.WriteLine($"{question.Name} failed: {exception}");
                failed = true;
                continue;
            }

            answers.AddRange(told);
            if (json is not null)
                new Results(Machine.Describe(), effort.Name, answers).Save(json); // each time: what comes later may fail
            if (!effort.IsSmoke)
                ConsoleTables.Write(told);
        }

        if (markdown is not null)
            MarkdownTables.Update(markdown, new Results(Machine.Describe(), effort.Name, answers));
        return failed ? 1 : 0;
    }

    /// <summary>Tables from files that <c>--json</c> left, without measuring again.</summary>
    public static int Report(Arguments arguments)
    {
        string files = arguments.Text("json") ?? throw new ArgumentException("report --json FILE[,FILE...] [--markdown FILE]");
        string? markdown = arguments.Text("markdown");
        arguments.RejectTheRest();
        Widen();
        foreach (Results results in files.Split(',').Select(Results.Load))
        {
            if (markdown is not null)
                MarkdownTables.Update(markdown, results);
            else
                foreach (IGrouping<string, Answer> question in results.Answers.GroupBy(static answer => answer.Sheet?.Name ?? answer.Name))
                    ConsoleTables.Write([.. question]);
        }

        return 0;
    }

    private static string? WhyNot(Question question, Effort effort) =>
        effort.IsSmoke && question.SmokeTwin is { } twin ? $"in this form it is the same as {twin}" : question.Missing;

    private static void Widen()
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 160;
    }
}
