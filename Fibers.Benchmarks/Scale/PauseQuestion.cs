using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Scale;

/// <summary>
/// How long a forced collection stops a process in which so many are parked so deep. Fibers and threads run the same code to the same wait;
/// one process each, which stay, and are asked in turn.
/// </summary>
internal sealed class PauseQuestion(int number, int depth) : Question
{
    private const int Few = 100;
    private const int YoungCollections = 9;
    private const int FullCollections = 5;

    public static IEnumerable<PauseQuestion> All =>
        from number in (int[])[Few, 1_000, 10_000]
        from depth in (int[])[1, 10, 30, 100]
        select new PauseQuestion(number, depth);

    public override string Name => $"pauses-{number}-{depth}";
    public override string Asks => $"{number:N0} parked, each {depth} {(depth == 1 ? "frame" : "frames")} deep";
    public override string Unit => "µs";
    public override string? SmokeTwin => number == Few ? null : $"pauses-{Few}-{depth}";
    public override Sheet Sheet => new("pauses", "Collection pause while many are parked in one process, each so many frames deep");

    public override IReadOnlyList<Row> Rows =>
    [
        new($"{Name}/generation-0", $"{Asks}: generation 0", Unit),
        new($"{Name}/generation-2", $"{Asks}: generation 2", Unit),
    ];

    public override Contest Prepare(Effort effort)
    {
        int count = effort.IsSmoke ? 10 : number;
        var fibers = new PopulationProcess(effort, "fibers-unmodified", depth);
        var threads = new PopulationProcess(effort, "threads", depth);
        var async = new PopulationProcess(effort, "async", depth);
        foreach (PopulationProcess process in (PopulationProcess[])[fibers, threads, async])
            process.Ask($"add {count}");
        return new Contest([
            new Contender("fibers", () => Pauses(fibers), () => fibers.FiberUse),
            new Contender("kernel threads", () => Pauses(threads)),
            new Contender("async state machines", () => Pauses(async)),
        ], fibers, threads, async);
    }

    private static IReadOnlyList<Figure?> Pauses(PopulationProcess process) => [Median(process, 0, YoungCollections), Median(process, 2, FullCollections)];

    private static Figure? Median(PopulationProcess process, int generation, int times) => Answer.Line.MedianOf(process.Ask($"pause {generation} {times}"));
}
