using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Scale;

/// <summary>Which settings of the runtime help a program in which many fibers are parked and one allocates. A process for each setting, asked in turn.</summary>
internal sealed class SettingsQuestion : Question
{
    private const int Parked = 2_000;
    private const int Depth = 10;
    private const int Megabytes = 200;

    private static readonly IReadOnlyList<(string Words, (string, string)[] Environment)> s_settings =
    [
        ("as it comes", []),
        ("GCgen0size: 64 MB", [("DOTNET_GCgen0size", "0x4000000")]),
        ("GCgen0size: 256 MB", [("DOTNET_GCgen0size", "0x10000000")]),
        ("gcServer: 1", [("DOTNET_gcServer", "1")]),
        ("gcServer: 1, GCDynamicAdaptationMode: 0", [("DOTNET_gcServer", "1"), ("DOTNET_GCDynamicAdaptationMode", "0")]),
        ("gcConcurrent: 0", [("DOTNET_gcConcurrent", "0")]),
        ("TieredPGO: 0", [("DOTNET_TieredPGO", "0")]),
        ("TieredCompilation: 0", [("DOTNET_TieredCompilation", "0")]),
    ];

    public override string Name => "settings";
    public override string Asks => $"The runtime's settings, while {Parked:N0} fibers are parked {Depth} frames deep";
    public override string Unit => "";
    public override Sheet Sheet => new(Name, Asks);
    public override int MostRounds => 5;

    public override IReadOnlyList<Row> Rows =>
    [
        new($"{Name}/allocate", $"{Megabytes} MB of garbage are made", "ms"),
        new($"{Name}/paused", "of that, everything stood still", "ms"),
        new($"{Name}/collections", "collections", ""),
        new($"{Name}/yield", "a yield between two fibers", "ns"),
        new($"{Name}/resident", "resident in all", "MB"),
    ];

    public override Contest Prepare(Effort effort)
    {
        int yields = effort.Times(1_000_000), megabytes = effort.IsSmoke ? 1 : Megabytes, parked = effort.IsSmoke ? 10 : Parked;
        var processes = new List<PopulationProcess>();
        var contenders = new List<Contender>();
        foreach ((string words, (string, string)[] environment) in s_settings)
        {
            var process = new PopulationProcess(effort, "fibers-unmodified", Depth, environment);
            processes.Add(process);
            process.Ask($"add {parked}");
            contenders.Add(new Contender(words, () => Measure(process, megabytes, yields), () => process.FiberUse));
        }

        return new Contest(contenders, processes);
    }

    private static IReadOnlyList<Figure?> Measure(PopulationProcess process, int megabytes, int yields)
    {
        double[] garbage = process.Ask($"garbage {megabytes}");
        double yield = process.Ask($"yield {yields}")[0];
        return [garbage[0] / 1000, garbage[1] / 1000, garbage[2], yield, process.Ask("resident")[0] / 1e6];
    }
}
