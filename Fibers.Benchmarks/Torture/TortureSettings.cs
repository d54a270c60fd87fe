namespace Fibers.Benchmarks.Torture;

internal sealed record TortureSettings(int Seconds, int Fibers, int Carriers, int Seed)
{
    /// <summary>The fibers, and the collecting thread.</summary>
    public int Slots => Fibers + 1;

    public static TortureSettings From(Arguments arguments) => new(
        arguments.Number("seconds", 30),
        arguments.Number("fibers", 300, least: 24),
        arguments.Number("carriers", Environment.ProcessorCount),
        arguments.Number("seed", Random.Shared.Next(1, int.MaxValue)));
}
