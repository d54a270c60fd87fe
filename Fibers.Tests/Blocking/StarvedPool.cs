using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>Sync over async: each caller blocks for a continuation that needs a pool thread. The same code on pool threads and on fibers, with a pool that cannot grow.</summary>
public class StarvedPool
{
    private const int Callers = 64;

    [Fact]
    public void What_starves_a_thread_pool_runs_on_fibers()
    {
        ChildResult result = Child.Run(Scenarios.StarvePool);
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.Trim().ShouldBe($"fibers: {Callers} of {Callers}; pool: 0 of {Callers}");
    }

    /// <summary>What the child does: its pool is too small for as long as it lives.</summary>
    public static int Compare()
    {
        int processors = Environment.ProcessorCount;
        ThreadPool.SetMinThreads(1, 1);
        ThreadPool.SetMaxThreads(processors, processors).ShouldBeTrue();
        int onFibers = 0;
        using (FiberRuntime runtime = Runtimes.Native(ManyFibers.Carriers))
        {
            Fiber[] fibers = [.. Enumerable.Range(0, Callers).Select(_ => runtime.SpawnConcurrent(() => Interlocked.Add(ref onFibers, Answer(static () => true))))];
            foreach (Fiber fiber in fibers)
                fiber.Join();
        }

        // On the pool, every thread blocks in Answer before any continuation gets its turn: all are in the queue before the first runs.
        int onPool = 0, blocked = 0;
        bool everyThreadBlocks = false;
        for (int i = 0; i < Callers; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(_ =>
            {
                if (Interlocked.Increment(ref blocked) == processors)
                    Volatile.Write(ref everyThreadBlocks, true);
                Interlocked.Add(ref onPool, Answer(() => Volatile.Read(ref everyThreadBlocks)));
            }, null);
        }

        Eventually.True(() => Volatile.Read(ref everyThreadBlocks) && ThreadPool.PendingWorkItemCount >= Callers - processors, "every pool thread is blocked");
        Thread.Sleep(1000); // long enough to show it: nothing can move any more
        Console.WriteLine($"fibers: {onFibers} of {Callers}; pool: {Volatile.Read(ref onPool)} of {Callers}");
        return 0;
    }

    private static int Answer(Func<bool> hold) => AnswerAsync(hold).Result;

    private static async Task<int> AnswerAsync(Func<bool> hold)
    {
        do
            await Task.Yield(); // needs a pool thread to go on
        while (!hold());
        return 1;
    }
}
