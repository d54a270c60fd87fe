namespace Fibers.Benchmarks.Harness;

/// <summary>One way to do the thing that is asked about. <paramref name="Round"/> does it once and returns its figure.</summary>
/// <param name="Fibers">The fibers it must have used, or null for a peer.</param>
internal sealed record Contender(string Name, Func<Figure> Round, Func<FiberUse>? Fibers = null);

/// <summary>Evidence that fibers carried the work.</summary>
internal readonly record struct FiberUse(FiberBackend Backend, long Switches)
{
    public static FiberUse Of(FiberRuntime runtime) => new(runtime.Backend, runtime.Statistics.Switches);
}
