using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>N of them give way to each other in turn. Nanoseconds per yield.</summary>
internal sealed class Yielding(int number) : Question
{
    public override string Name => $"yield-{number}";
    public override string Asks => $"Yield among {number:N0}";
    public override string Unit => "ns per yield";
    public override bool InQuick => true;

    public override Contest Prepare(Effort effort)
    {
        int each = Math.Max(4, effort.Times(2_000_000) / number);
        FiberRuntime one = Runtimes.With(1);
        return new Contest([
            new Contender("fibers, one carrier", () => Fibers(one, number, each), () => FiberUse.Of(one)),
            new Contender("Task.Yield", () => Tasks(Math.Max(4, each / 4))),
            .. GoTwin.Contender("Go, GOMAXPROCS=1", "yield", $"{number}", $"{each}", "1"),
        ]);
    }

    /// <summary>Of fibers alone.</summary>
    public static Figure Fibers(FiberRuntime runtime, int number, int each) => runtime.Run(() => Timed.PerOperation((long)each * number, () =>
    {
        var fibers = new Fiber[number];
        for (int i = 0; i < number; i++)
        {
            fibers[i] = Fiber.Spawn(() => Timed.InParts(each, static part =>
            {
                for (int turn = 0; turn < part; turn++)
                    Fiber.Yield();
            }));
        }

        foreach (Fiber fiber in fibers)
            fiber.Join();
    }));

    private Figure Tasks(int each) => Timed.PerOperation((long)each * number, () =>
    {
        var tasks = new Task[number];
        for (int i = 0; i < number; i++)
        {
            tasks[i] = Task.Run(async () =>
            {
                for (int turn = 0; turn < each; turn++)
                    await Task.Yield();
            });
        }

        Task.WaitAll(tasks);
    });
}
