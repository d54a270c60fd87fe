using Spectre.Console;

namespace Fibers.Benchmarks.Harness;

/// <summary>The answers to one question for people at a terminal.</summary>
internal static class ConsoleTables
{
    public static void Write(IReadOnlyList<Answer> answers) => AnsiConsole.Write(answers[0].Sheet is { } sheet ? SheetOf(sheet, answers) : TableOf(answers[0]));

    private static Table TableOf(Answer answer)
    {
        var table = new Table().Title(answer.Asks.EscapeMarkup()).AddColumn("").AddColumn(new TableColumn($"median {answer.Unit}").RightAligned())
            .AddColumn(new TableColumn("lowest").RightAligned()).AddColumn(new TableColumn("highest").RightAligned()).AddColumn("fibers are").AddColumn(new TableColumn("processor ns").RightAligned()).AddColumn("fibers take");
        foreach (Answer.Line line in answer.Lines)
            table.AddRow(line.Contender.EscapeMarkup(), Wording.Number(line.Median), Wording.Number(line.Lowest), Wording.Number(line.Highest), Wording.Headline(answer, line), Wording.Processor(line), Wording.ProcessorHeadline(answer, line));
        return table;
    }

    private static Table SheetOf(Sheet sheet, IReadOnlyList<Answer> answers)
    {
        IReadOnlyList<string> contenders = Wording.Contenders(answers);
        var table = new Table().Title(sheet.Asks.EscapeMarkup()).Caption("medians; in brackets how many times better the first column is").AddColumn("").AddColumn("");
        foreach (string contender in contenders)
            table.AddColumn(new TableColumn(contender.EscapeMarkup()).RightAligned());
        foreach (Answer answer in answers)
            table.AddRow([answer.Asks.EscapeMarkup(), answer.Unit, .. contenders.Select(contender => Wording.Cell(answer, contender))]);
        return table;
    }
}
