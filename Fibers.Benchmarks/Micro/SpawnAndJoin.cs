using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>Start one, wait for it, again. Nanoseconds per pair.</summary>
internal sealed class SpawnAndJoin : Question
{
    public override string Name => "spawn-join";
    public override string Asks => "Spawn one and join it";
    public override string Unit => "ns";
    public override bool InQuick => true;

    public override Contest Prepare(Effort effort)
    {
        int times = effort.Times(300_000);
        FiberRuntime one = Runtimes.With(1), all = Runtimes.With(Math.Max(2, Environment.ProcessorCount));
        return new Contest([
            new Contender("fibers, one carrier", () => Fibers(one, times), () => FiberUse.Of(one)),
            new Contender("fibers, all carriers", () => Fibers(all, times), () => FiberUse.Of(all)),
            new Contender("Task.Run and await", () => Tasks(times)),
            new Contender("thread start and join", () => Threads(Math.Max(4, times / 100))),
            .. GoTwin.Contender("Go, GOMAXPROCS=1", "spawn", $"{times}", "1"),
        ]);
    }

    private static Figure Fibers(FiberRuntime runtime, int times) => runtime.Run(() => Timed.PerOperation(times, () => Timed.InParts(times, static part =>
    {
        for (int i = 0; i < part; i++)
            Fiber.Spawn(static () => { }).Join();
    })));

    private static Figure Tasks(int times) => Timed.PerOperation(times, () => Task.Run(async () =>
    {
        for (int i = 0; i < times; i++)
            await Task.Run(static () => { });
    }).Wait());

    private static Figure Threads(int times) => Timed.PerOperation(times, () =>
    {
        for (int i = 0; i < times; i++)
        {
            var thread = new Thread(static () => { });
            thread.Start();
            thread.Join();
        }
    });
}
