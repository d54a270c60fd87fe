using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Scale;

/// <summary>What very many parked ones cost: to create, to keep, to wake and to end. Every round is a new process.</summary>
internal sealed class ScaleQuestion(int number) : Question
{
    private const int MostThreads = 10_000; // not far beyond, vm.max_map_count (65,530 by default; three mappings a thread) and kernel.pid_max (32,768) end it
    private const int Block = 10_000;
    private const double Kilobyte = 1024;

    public override string Name => $"scale-{number}";
    public override string Asks => $"{number:N0} parked in one process";
    public override string Unit => "";
    public override Sheet Sheet => new(Name, Asks);
    public override bool WarmsUp => false;
    public override int MostRounds => 3;
    public override string? SmokeTwin => number is 10_000 or 100_000 ? null : "scale-100000"; // one block of creations, or many

    public override IReadOnlyList<Row> Rows =>
    [
        Row("create", "created and parked", "µs each"),
        .. Blocks > 1 ? Enumerable.Range(0, Blocks).Select(block => Row($"create-{block}", $"of these, number {block * Block + 1:N0} to {(block + 1) * Block:N0}", "µs each")) : [],
        Row("resident", "resident", "KB each"),
        Row("resident-stack", "of that, pages of their stacks, without the next line", "KB each"),
        Row("resident-thread-block", "of that, thread block and static thread-locals", "KB each"),
        Row("resident-managed", "of that, managed heap", "KB each"),
        Row("resident-native", "of that, the rest: the runtime's and the C library's own", "KB each"),
        Row("page-tables", "beside that, page tables", "KB each"),
        Row("kernel-threads", "kernel threads added", ""),
        Row("wake", "all woken, one by one, and through", "ms"),
        Row("end", "and ended", "ms"),
    ];

    private int Blocks => (number + Block - 1) / Block;

    public override Contest Prepare(Effort effort)
    {
        int count = effort.IsSmoke ? 100 : number;
        FiberUse use = default;
        List<Contender> contenders =
        [
            new("fibers", () => Measure(effort, "fibers", count, ref use), () => use),
            new("fibers in Task.Wait", () => Measure(effort, "fibers-unmodified", count, ref use), () => use),
        ];
        FiberUse none = default;
        if (number <= MostThreads)
            contenders.Add(new("kernel threads", () => Measure(effort, "threads", count, ref none)));
        contenders.Add(new("async state machines", () => Measure(effort, "async", count, ref none)));
        return new Contest(contenders);
    }

    private Row Row(string name, string asks, string unit) => new($"{Name}/{name}", asks, unit);

    private IReadOnlyList<Figure?> Measure(Effort effort, string kind, int count, ref FiberUse use)
    {
        using var process = new PopulationProcess(effort, kind, depth: 1);
        double[] blocks = [.. Enumerable.Range(0, Blocks).Select(block => process.Ask($"add {count / Blocks}")[0] / (count / Blocks))];
        double[] memory = process.Ask("memory");
        double resident = Each(0), stacks = Each(1), threadBlock = memory[2] / Kilobyte, managed = Each(3), pageTables = Each(4), kernelThreads = memory[5];
        double wake = process.Ask("wake")[0], end = process.Ask("end")[0];
        use = process.FiberUse;
        bool ownStacks = stacks > 0;
        return
        [
            blocks.Average(),
            .. Blocks > 1 ? blocks.Select(static block => (Figure?)block) : [],
            resident,
            ownStacks ? stacks - threadBlock : null,
            ownStacks ? threadBlock : null,
            managed,
            resident - stacks - managed,
            pageTables,
            kernelThreads,
            wake / 1000,
            end / 1000,
        ];

        double Each(int part) => memory[part] / Kilobyte / count;
    }
}
