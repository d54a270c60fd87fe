using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>Sixteen go through one <c>lock</c> and give way inside it every so often. Nanoseconds per entry.</summary>
internal sealed class ContendedLock : Question
{
    private const int Workers = 16;
    private const int YieldEvery = 64;

    public override string Name => "lock";
    public override string Asks => $"A lock contended by {Workers}, held across a yield every {YieldEvery}th time";
    public override string Unit => "ns per entry";

    public override Contest Prepare(Effort effort)
    {
        int each = Math.Max(YieldEvery, effort.Times(500_000) / Workers);
        FiberRuntime all = Runtimes.With(Math.Max(2, Environment.ProcessorCount));
        return new Contest([
            new Contender("fibers, lock", () => all.Run(() => WithLock(each, Fiber.Yield, static body => Fiber.Spawn(body).Join)), () => FiberUse.Of(all)),
            new Contender("threads, lock", () => WithLock(each, static () => Thread.Yield(), StartThread)),
            new Contender("tasks, SemaphoreSlim.WaitAsync", () => Tasks(each)),
            .. GoTwin.Contender("Go, sync.Mutex", "lock", $"{Workers}", $"{each}", $"{YieldEvery}"),
        ]);
    }

    private static Figure WithLock(int each, Action yield, Func<Action, Action> start)
    {
        object gate = new();
        long count = 0;
        Figure figure = Timed.PerOperation((long)each * Workers, () =>
        {
            var joins = new Action[Workers];
            for (int i = 0; i < Workers; i++)
            {
                joins[i] = start(() =>
                {
                    for (int turn = 0; turn < each; turn++)
                    {
                        lock (gate)
                        {
                            count++;
                            if (turn % YieldEvery == 0)
                                yield();
                        }
                    }
                });
            }

            foreach (Action join in joins)
                join();
        });
        return count == (long)each * Workers ? figure : throw new InvalidOperationException("The lock did not exclude.");
    }

    private static Action StartThread(Action body)
    {
        var thread = new Thread(() => body());
        thread.Start();
        return thread.Join;
    }

    private static Figure Tasks(int each)
    {
        using var gate = new SemaphoreSlim(1);
        long count = 0;
        Figure figure = Timed.PerOperation((long)each * Workers, () =>
        {
            Task.WaitAll([.. Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
            {
                for (int turn = 0; turn < each; turn++)
                {
                    await gate.WaitAsync();
                    count++;
                    if (turn % YieldEvery == 0)
                        await Task.Yield();
                    gate.Release();
                }
            }))]);
        });
        return count == (long)each * Workers ? figure : throw new InvalidOperationException("The semaphore did not exclude.");
    }
}
