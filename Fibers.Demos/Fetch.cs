using Fibers.Demos.Fetching;

namespace Fibers.Demos;

/// <summary>
/// Pages of a web server, or given URLs, by unmodified HttpClient: on fibers, one thread per request, async/await. How each way fetches is in
/// Fetching/Ways.cs. The server and each way have a process of their own, so that each way's threads and memory are its own, and a
/// measurement starts afresh.
/// </summary>
internal static class Fetch
{
    public static int Run(string[] arguments)
    {
        switch (arguments)
        {
            case [PageServer.Verb, var delay]:
                return PageServer.Run(int.Parse(delay));
            case [Worker.Verb]:
                return Worker.Run();
            case ["--help" or "-h"]:
                FetchOptions.Help();
                return 0;
        }

        FetchOptions options = FetchOptions.Parse(arguments);
        return options.Urls.Count > 0 ? FetchUrls(options) : FetchPages(options);
    }

    private static int FetchPages(FetchOptions options)
    {
        using var server = new Child([PageServer.Verb, options.Delay.ToString()]);
        string address = server.Hear();
        string[] urls = [.. Enumerable.Range(0, options.Pages).Select(page => $"{address}/page/{page}")];
        Console.WriteLine($"{options.Pages:N0} pages from {address}, each {options.Delay} ms away, {options.Concurrency:N0} at a time; {(options.Gen0 == 0 ? "generation 0 as .NET has it" : $"generation 0 of {options.Gen0} MB")}.");
        return Compare(options, new Job(urls, PagesAreOurs: true, options.Concurrency, options.Carriers, options.Gen0));
    }

    private static int FetchUrls(FetchOptions options)
    {
        Console.WriteLine($"{options.Urls.Count:N0} URLs, at most {options.Concurrency:N0} at a time.");
        return Compare(options, new Job([.. options.Urls], PagesAreOurs: false, options.Concurrency, options.Carriers, options.Gen0));
    }

    private static int Compare(FetchOptions options, Job job)
    {
        var measurements = new List<Measurement>();
        Progress.During(job.Urls.Length, begin =>
        {
            foreach (string way in options.Ways)
                measurements.Add(Measurement.Take(job with { Way = way }, begin(Ways.TitleOf(way))));
        });
        Report.Print(job, measurements);
        return measurements.Sum(measurement => measurement.Failed) == 0 ? 0 : 1;
    }
}
