using Shouldly;
using Xunit;

namespace Fibers.Tests.Support;

/// <summary>One row of the compatibility matrix: some hundreds of fibers do the same blocking thing on two carriers, while the kernel threads of the process are watched.</summary>
internal static class ManyFibers
{
    public const int Carriers = 2;

    /// <summary>
    /// What a row may need beside its carriers, however many fibers it has: the watchdog, the rescue carrier, a kernel thread that gives birth to
    /// virtual threads, the shim's workers for files and names (8) and for fifos (8), or io_uring's (8), what .NET starts by itself (timer, socket engine, a few pool
    /// threads and their gate), and spare carriers, of which a crowded machine gets some: when no carrier has had a processor for 10 ms, all look stuck.
    /// A library that blocked its kernel thread would need one for each fiber.
    /// </summary>
    public const int SpareThreads = 32;

    /// <param name="body">What each fiber does; it is given its number.</param>
    /// <param name="spareThreads">How many kernel threads beside the carriers the row may add, at its worst moment.</param>
    public static FiberStatistics Run(int fibers, Action<int> body, int spareThreads = SpareThreads) => Run(fibers, (_, i) => body(i), spareThreads);

    public static FiberStatistics Run(int fibers, Action<FiberRuntime, int> body, int spareThreads = SpareThreads)
    {
        FiberStatistics? statistics = null;
        Bounded.Run(() =>
        {
            using var sampler = new ThreadSampler();
            using (FiberRuntime runtime = Runtimes.Native(Carriers))
            {
                int done = 0;
                Fiber[] all = [.. Enumerable.Range(0, fibers).Select(i => runtime.SpawnConcurrent(() =>
                {
                    body(runtime, i);
                    Interlocked.Increment(ref done);
                }))];
                foreach (Fiber fiber in all)
                    fiber.Join();
                done.ShouldBe(fibers);
                statistics = runtime.Statistics;
            }

            int added = sampler.Peak - sampler.Baseline - Carriers;
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{fibers} fibers on {Carriers} carriers: at most {added} other kernel threads were added, {statistics.SparesStarted} spare carriers were started. At the peak: {sampler.AtPeak}");
            added.ShouldBeLessThanOrEqualTo(spareThreads, sampler.AtPeak);
        });
        return statistics!;
    }
}
