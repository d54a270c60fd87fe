namespace Fibers.Demos.Fetching;

/// <summary>The same job three ways. Compare the first with the second: one word differs. Compare it with the third: every word does, all the way down.</summary>
internal static class Ways
{
    public const string Fibers = "fibers", Threads = "threads", Async = "async";

    public const string OneByOne = "one-by-one";

    public static readonly string[] All = [Fibers, Threads, Async];

    /// <summary>The last only when asked for: it takes its time.</summary>
    public static readonly string[] Known = [.. All, OneByOne];

    public static string TitleOf(string way) => way switch
    {
        Fibers => "fibers",
        Threads => "thread per request",
        OneByOne => "one after the other",
        _ => "async/await",
    };

    /// <summary>What the way needs as long as the program lives: the scheduler of fibers, or nothing.</summary>
    public static FiberRuntime? Start(Job job) => job.Way == Fibers ? new FiberRuntime(new FiberRuntimeOptions { Carriers = job.Carriers }) : null;

    public static void Run(Job job, PageFetcher fetcher, FiberRuntime? runtime)
    {
        switch (job.Way)
        {
            case Fibers:
                runtime!.Run(() => OnFibers(job, fetcher));
                break;
            case OneByOne:
                for (int page = 0; page < job.Urls.Length; page++)
                    fetcher.Fetch(page);
                break;
            case Threads:
                OnThreads(job, fetcher);
                break;
            default:
                WithAsync(job, fetcher).Wait();
                break;
        }
    }

    private static void OnFibers(Job job, PageFetcher fetcher)
    {
        using var room = new SemaphoreSlim(job.Concurrency);
        var fibers = new List<Fiber>();
        for (int i = 0; i < job.Urls.Length; i++)
        {
            int page = i;
            room.Wait();
            fibers.Add(Fiber.Spawn(() =>
            {
                fetcher.Fetch(page);
                room.Release();
            }));
        }

        foreach (Fiber fiber in fibers)
            fiber.Join();
    }

    private static void OnThreads(Job job, PageFetcher fetcher)
    {
        using var room = new SemaphoreSlim(job.Concurrency);
        var threads = new List<Thread>();
        for (int i = 0; i < job.Urls.Length; i++)
        {
            int page = i;
            room.Wait();
            var thread = new Thread(() =>
            {
                fetcher.Fetch(page);
                room.Release();
            });
            thread.Start();
            threads.Add(thread);
        }

        foreach (Thread thread in threads)
            thread.Join();
    }

    private static async Task WithAsync(Job job, PageFetcher fetcher)
    {
        using var room = new SemaphoreSlim(job.Concurrency);
        var tasks = new List<Task>();
        for (int i = 0; i < job.Urls.Length; i++)
        {
            int page = i;
            await room.WaitAsync();
            tasks.Add(Task.Run(async () =>
            {
                await fetcher.FetchAsync(page);
                room.Release();
            }));
        }

        await Task.WhenAll(tasks);
    }
}
