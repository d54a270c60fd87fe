using Fibers.Demos.Fetching;

namespace Fibers.Demos;

/// <summary>
/// Pages of a web server, or given URLs, by unmodified HttpClient: on fibers, one thread per request, async/await. How each way fetches is in
/// Fetching/Ways.cs. The server and each way have a process of their own, so that each way's threads and memory are its own, and a
/// measurement starts afresh.
/// </summary>
internal static class Fetch
{
    private static readonly string[] s_hundred = ["--pages", "100", "--delay", "200", "--concurrency", "100", "--ways", $"{Ways.OneByOne},{Ways.Threads},{Ways.Async},{Ways.Fibers}"];

    public static string HundredUsage => $"""
        [options]
          The options are those of fetch ('fetch --help' names them), here with other defaults:
          {string.Join(' ', s_hundred)}
        """;

    public static int Run(string[] arguments)
    {
        switch (arguments)
        {
            case [PageServer.Verb, var delay]:
                return PageServer.Run(int.Parse(delay));
            case [Worker.Verb]:
                return Worker.Run();
        }

        FetchOptions options = FetchOptions.Parse(arguments);
        return ExitCode(options.Urls.Count > 0 ? FetchUrls(options) : FetchPages(options));
    }

    /// <summary>The textbook's example: a hundred pages of 200 ms each.</summary>
    public static int RunHundred(string[] arguments)
    {
        FetchOptions options = FetchOptions.Parse([.. s_hundred, .. arguments]);
        List<Measurement> measurements = FetchPages(options);
        double? SecondsOf(string way) => measurements.Find(measurement => measurement.Way == way)?.Work.Seconds; // null: --ways left it out
        int rounds = (options.Pages + options.Concurrency - 1) / options.Concurrency;
        int times = Math.Min(10, options.Pages / rounds / 2); // half of what is possible, if only the waiting took time
        if (SecondsOf(Ways.Fibers) is not { } fibers)
            return ExitCode(measurements);
        if (times > 1 && SecondsOf(Ways.OneByOne) is { } oneByOne)
            Claim.That(oneByOne > times * fibers, $"One after the other they take more than {times} times as long: each waits for the one before, and the processor for all of them.");
        if (SecondsOf(Ways.Async) is { } tasks)
            Claim.That(fibers < 3 * tasks, "Fibers and async/await wait for all of them at once; the one with Send, the other with SendAsync and everything above it async.");
        return ExitCode(measurements);
    }

    private static int ExitCode(List<Measurement> measurements) => measurements.Sum(measurement => measurement.Failed) == 0 ? 0 : 1;

    private static List<Measurement> FetchPages(FetchOptions options)
    {
        using var server = new Child([PageServer.Verb, options.Delay.ToString()]);
        string address = server.Hear();
        string[] urls = [.. Enumerable.Range(0, options.Pages).Select(page => $"{address}/page/{page}")];
        Console.WriteLine($"{Count.Of(options.Pages, "page")} from {address}, each {options.Delay} ms away, {options.Concurrency:N0} at a time; {(options.Gen0 == 0 ? "generation 0 as .NET has it" : $"generation 0 of {options.Gen0} MB")}.");
        return Compare(options, new Job(urls, PagesAreOurs: true, options.Concurrency, options.Carriers, options.Gen0));
    }

    private static List<Measurement> FetchUrls(FetchOptions options)
    {
        Console.WriteLine($"{Count.Of(options.Urls.Count, "URL")}, at most {options.Concurrency:N0} at a time.");
        return Compare(options, new Job([.. options.Urls], PagesAreOurs: false, options.Concurrency, options.Carriers, options.Gen0));
    }

    private static List<Measurement> Compare(FetchOptions options, Job job)
    {
        var measurements = new List<Measurement>();
        Progress.During(job.Urls.Length, begin =>
        {
            foreach (string way in options.Ways)
                measurements.Add(Measurement.Take(job with { Way = way }, begin(Ways.TitleOf(way))));
        });
        Report.Print(job, measurements);
        return measurements;
    }
}
