using Spectre.Console;

namespace Fibers.Demos.Fetching;

/// <summary>The table, what failed, and the one line that says what it shows. Every figure is from this run.</summary>
internal static class Report
{
    private const int MostFailuresShown = 10;
    private const int LabelWidth = 10, WayWidth = 11; // "requests/s", "async/await"
    private const int Gap = 2, Edges = 2;             // before each way; outside of all

    public static void Print(Job job, List<Measurement> measurements)
    {
        PrintTable(measurements);
        foreach (Measurement measurement in measurements)
            PrintOutcomes(job, measurement);
        foreach (string remark in measurements.Select(measurement => measurement.Work.Remark).OfType<string>())
            Console.WriteLine(remark);
        Console.WriteLine(Conclusion(measurements));
    }

    // A column for each way, as many side by side as there is room for.
    private static void PrintTable(List<Measurement> measurements)
    {
        int room = Math.Max(1, (AnsiConsole.Profile.Width - LabelWidth - Edges) / (WayWidth + Gap));
        foreach (Measurement[] some in measurements.Chunk(room))
        {
            Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("").Width(LabelWidth).Padding(0, 0));
            foreach (Measurement m in some)
                table.AddColumn(new TableColumn(Ways.TitleOf(m.Way)).Width(WayWidth).Padding(1, 0, 0, 0).RightAligned());
            void Row(string label, Func<Measurement, string> figure) => table.AddRow([label, .. some.Select(figure)]);
            Row("wall time", static m => $"{m.Work.Seconds:F2} s");
            Row("threads", static m => $"+{m.Threads:N0}");
            Row("memory", static m => $"+{Megabytes(m.Bytes)}");
            Row("processor", static m => $"{m.Work.ProcessorSeconds:F2} s");
            Row("GC pauses", static m => $"{m.Work.PausedSeconds:F2} s");
            Row("requests/s", static m => $"{m.Rate:N0}");
            Row("failed", static m => $"{m.Failed:N0}");
            AnsiConsole.Write(table);
        }

        Console.WriteLine("Threads: kernel threads, the most at once, beyond those before the first request. Memory: the most resident, beyond that after a warm-up.");
    }

    private static void PrintOutcomes(Job job, Measurement measurement)
    {
        string way = Ways.TitleOf(measurement.Way);
        if (!job.PagesAreOurs)
        {
            foreach (Outcome outcome in measurement.Work.Outcomes.Where(outcome => outcome.Error is null))
                Console.WriteLine($"{way}: {outcome.Status} {outcome.Bytes,9:N0} bytes {outcome.Milliseconds,6:N0} ms  {outcome.Url}");
        }

        foreach (Outcome outcome in measurement.Work.Outcomes.Where(outcome => outcome.Error is not null).Take(job.PagesAreOurs ? MostFailuresShown : int.MaxValue))
            Console.WriteLine($"{way}: FAILED {outcome.Url}: {outcome.Error}");
        if (job.PagesAreOurs && measurement.Failed > MostFailuresShown)
            Console.WriteLine($"{way}: ... and {measurement.Failed - MostFailuresShown:N0} more failed.");
    }

    private static string Conclusion(List<Measurement> measurements)
    {
        if (measurements.Sum(m => m.Failed) is > 0 and var failed)
            return $"{failed:N0} of {Count.Of(measurements.Sum(m => m.Requests), "request")} failed, so the figures say little.";
        if (measurements.Find(m => m.Way == Ways.Fibers) is not { } fibers)
            return "All pages came; nothing ran on fibers, so there is nothing to compare.";
        List<string> beside = [];
        foreach (Measurement m in measurements.Where(m => m != fibers))
            beside.Add($"{fibers.Rate / m.Rate:F1} times the rate of {Ways.TitleOf(m.Way)} ({Count.Of(m.Threads, "thread")}, {Megabytes(m.Bytes)})");
        string start = $"Plain blocking HttpClient.Send on fibers: {Count.Of(fibers.Requests, "request")} with {Count.Of(fibers.Threads, "more kernel thread")} and {Megabytes(fibers.Bytes)}";
        return beside.Count == 0 ? $"{start}." : $"{start}, at {string.Join(" and ", beside)}.";
    }

    private static string Megabytes(long bytes) => $"{bytes / 1e6:N0} MB";
}
