using Spectre.Console;

namespace Fibers.Benchmarks.Harness;

/// <summary>Asks one question: a warm-up, then rounds in which every contender has its turn (A B C, A B C).</summary>
internal static class Interview
{
    /// <summary>An answer for each row of the question.</summary>
    public static IReadOnlyList<Answer> Ask(Question question, Effort effort)
    {
        int first = question.WarmsUp && !effort.IsSmoke ? -1 : 0, rounds = Math.Min(effort.Rounds, question.MostRounds);
        using Contest contest = question.Prepare(effort);
        IReadOnlyList<Contender> contenders = contest.Contenders;
        var figures = contenders.Select(static _ => new List<IReadOnlyList<Figure?>>()).ToArray();
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine($"{question.Name} ...");
            RunRounds(contenders, first, rounds, figures, static _ => { });
        }
        else
        {
            AnsiConsole.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new ElapsedTimeColumn()).Start(progress =>
            {
                ProgressTask task = progress.AddTask(question.Name, maxValue: (rounds - first) * contenders.Count);
                RunRounds(contenders, first, rounds, figures, contender =>
                {
                    task.Description = $"{question.Name}: {contender.Name}".EscapeMarkup();
                    task.Increment(1);
                });
            });
        }

        long switches = contenders.Sum(contender => RequireFibers(question, contender));
        if (effort.IsSmoke)
            Console.WriteLine($"{question.Name}: completed; fibers were switched to {switches} times");
        return [.. question.Rows.Select((row, index) => new Answer(row.Name, row.Asks, row.Unit, row.MoreIsBetter, question.Sheet, [.. LinesOf(contenders, figures, index)]))];
    }

    // A contender that has no figure for a row has no line in its answer.
    private static IEnumerable<Answer.Line> LinesOf(IReadOnlyList<Contender> contenders, List<IReadOnlyList<Figure?>>[] figures, int row)
    {
        for (int i = 0; i < contenders.Count; i++)
        {
            Figure[] rounds = [.. figures[i].Select(round => round[row]).OfType<Figure>()];
            if (rounds.Length > 0)
                yield return new Answer.Line(contenders[i].Name, rounds);
        }
    }

    private static void RunRounds(IReadOnlyList<Contender> contenders, int first, int rounds, List<IReadOnlyList<Figure?>>[] figures, Action<Contender> onTurn)
    {
        for (int round = first; round < rounds; round++)
        {
            for (int i = 0; i < contenders.Count; i++)
            {
                onTurn(contenders[i]);
                IReadOnlyList<Figure?> figure = Turn(contenders[i]);
                if (round >= 0)
                    figures[i].Add(figure);
            }
        }
    }

    private static IReadOnlyList<Figure?> Turn(Contender contender)
    {
        try
        {
            return contender.Round();
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"'{contender.Name}' failed: {exception.Message}", exception);
        }
    }

    // How often they were switched to: never means that nothing of what was asked was measured.
    private static long RequireFibers(Question question, Contender contender)
    {
        if (contender.Fibers is not { } ask)
            return 0;
        FiberUse use = ask();
        return use is { Backend: FiberBackend.Native, Switches: > 0 }
            ? use.Switches
            : throw new InvalidOperationException($"{question.Name}: '{contender.Name}' used {use.Backend} and switched {use.Switches} times: it measured no fibers.");
    }
}
