using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>A million small bodies, started from one place, and all awaited.</summary>
internal sealed class SpawnMany : Question
{
    public override string Name => "spawn-million";
    public override string Asks => "Spawn a million, join them all";
    public override string Unit => "ns each";

    public override Contest Prepare(Effort effort)
    {
        int many = effort.IsSmoke ? 2_000 : 1_000_000;
        FiberRuntime all = Runtimes.With(Math.Max(2, Environment.ProcessorCount));
        return new Contest([
            new Contender("fibers", () => Fibers(all, many), () => FiberUse.Of(all)),
            new Contender("Task.Run and WhenAll", () => Tasks(many)),
            .. GoTwin.Contender("Go", "spawn-many", $"{many}", $"{Environment.ProcessorCount}"),
        ]);
    }

    private static Figure Fibers(FiberRuntime runtime, int many)
    {
        int done = 0;
        Figure figure = runtime.Run(() => Timed.PerOperation(many, () =>
        {
            var fibers = new Fiber[many];
            for (int i = 0; i < many; i++)
                fibers[i] = Fiber.Spawn(() => Interlocked.Increment(ref done));
            foreach (Fiber fiber in fibers)
                fiber.Join();
        }));
        return done == many ? figure : throw new InvalidOperationException($"{done} of {many} bodies ran.");
    }

    private static Figure Tasks(int many)
    {
        int done = 0;
        Figure figure = Timed.PerOperation(many, () =>
        {
            var tasks = new Task[many];
            for (int i = 0; i < many; i++)
                tasks[i] = Task.Run(() => Interlocked.Increment(ref done));
            Task.WhenAll(tasks).Wait();
        });
        return done == many ? figure : throw new InvalidOperationException($"{done} of {many} bodies ran.");
    }
}
