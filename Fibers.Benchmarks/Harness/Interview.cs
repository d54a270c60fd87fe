using Spectre.Console;

namespace Fibers.Benchmarks.Harness;

/// <summary>Asks one question: a warm-up, then rounds in which every contender has its turn (A B C, A B C).</summary>
internal static class Interview
{
    public static Answer Ask(Question question, Effort effort)
    {
        using Contest contest = question.Prepare(effort);
        IReadOnlyList<Contender> contenders = contest.Contenders;
        var figures = contenders.Select(static _ => new List<Figure>()).ToArray();
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine($"{question.Name} ...");
            RunRounds(contenders, effort, figures, static _ => { });
        }
        else
        {
            AnsiConsole.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new ElapsedTimeColumn()).Start(progress =>
            {
                ProgressTask task = progress.AddTask(question.Name, maxValue: (effort.Rounds + 1) * contenders.Count);
                RunRounds(contenders, effort, figures, contender =>
                {
                    task.Description = $"{question.Name}: {contender.Name}".EscapeMarkup();
                    task.Increment(1);
                });
            });
        }

        foreach (Contender contender in contenders)
            RequireFibers(question, contender);
        return new Answer(question.Name, question.Asks, question.Unit, question.MoreIsBetter,
            [.. contenders.Zip(figures, static (contender, rounds) => new Answer.Line(contender.Name, rounds))]);
    }

    private static void RunRounds(IReadOnlyList<Contender> contenders, Effort effort, List<Figure>[] figures, Action<Contender> onTurn)
    {
        for (int round = -1; round < effort.Rounds; round++)
        {
            for (int i = 0; i < contenders.Count; i++)
            {
                onTurn(contenders[i]);
                Figure figure = contenders[i].Round();
                if (round >= 0)
                    figures[i].Add(figure);
            }
        }
    }

    private static void RequireFibers(Question question, Contender contender)
    {
        if (contender.Fibers is not { } ask)
            return;
        FiberUse use = ask();
        if (use.Backend != FiberBackend.Native || use.Switches == 0)
            throw new InvalidOperationException($"{question.Name}: '{contender.Name}' used {use.Backend} and switched {use.Switches} times: it measured no fibers.");
    }
}
