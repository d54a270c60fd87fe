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
            string name => (Effort.Full, (IReadOnlyList<Question>)[.. Catalogue.All.Where(question => question.Name == name)]),
        };
        if (questions.Count == 0)
            throw new ArgumentException($"There is no benchmark '{arguments.Verb}'. 'list' shows them.");
        string? json = arguments.Text("json"), markdown = arguments.Text("markdown");
        arguments.RejectTheRest();
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 160;
        Console.WriteLine(Machine.Describe());
        var answers = new List<Answer>();
        foreach (Question question in questions)
        {
            if (question.Missing is { } missing)
            {
                AnsiConsole.MarkupLineInterpolated($"[yellow]{question.Name} is left out: {missing}[/]");
                continue;
            }

            answers.Add(Interview.Ask(question, effort));
            if (effort != Effort.Smoke)
                Report.ToConsole(answers[^1]);
        }

        if (json is not null)
            Report.ToJson(json, effort, answers);
        if (markdown is not null)
            Report.ToMarkdown(markdown, effort, answers);
        return 0;
    }
}
