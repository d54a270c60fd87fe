using System.Diagnostics;
using System.Text.Json;

namespace Fibers.Demos.Fetching;

/// <summary>
/// One way, in a child process. Says "up" (nothing has happened yet), hears the job, warms up, says "warm", hears "go", says how far
/// it is, and at last what it did. The parent measures from outside.
/// </summary>
internal static class Worker
{
    public const string Verb = "--be-a-worker";
    public const string Up = "up", Warm = "warm", Go = "go", Done = "done ", Result = "result ";

    private const int WarmUpPages = 2000, WarmUpPagesOneByOne = 10, WarmUpConcurrency = 200;

    public static int Run()
    {
        Console.WriteLine(Up);
        Job job = JsonSerializer.Deserialize<Job>(Child.HearParent())!;
        using FiberRuntime? runtime = Ways.Start(job);
        if (job.PagesAreOurs)
            WarmUp(job, runtime);
        GC.Collect();
        Console.WriteLine(Warm);
        if (Child.HearParent() != Go)
            return 1;
        Child.EndWithParent();

        using var fetcher = new PageFetcher(job, done => Console.WriteLine($"{Done}{done}"));
        TimeSpan paused = GC.GetTotalPauseDuration();
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        Ways.Run(job, fetcher, runtime);
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        paused = GC.GetTotalPauseDuration() - paused;
        processor = Environment.CpuUsage.TotalTime - processor;
        Outcome[] told = job.PagesAreOurs ? [.. fetcher.Outcomes.Where(outcome => outcome.Error is not null)] : fetcher.Outcomes;
        Console.WriteLine(Result + JsonSerializer.Serialize(new WorkDone(took.TotalSeconds, processor.TotalSeconds, paused.TotalSeconds, told, Remark(runtime))));
        return 0;
    }

    // The same for each way: the code is compiled, and everything has run once.
    private static void WarmUp(Job job, FiberRuntime? runtime)
    {
        int pages = job.Way == Ways.OneByOne ? WarmUpPagesOneByOne : WarmUpPages;
        Job few = job with { Urls = job.Urls[..Math.Min(pages, job.Urls.Length)], Concurrency = WarmUpConcurrency };
        using var fetcher = new PageFetcher(few, _ => { });
        Ways.Run(few, fetcher, runtime);
    }

    private static string? Remark(FiberRuntime? runtime) =>
        runtime?.FallbackReason is { } reason ? $"Fibers ran on the {runtime.Backend} backend: {reason}." : null;
}
