namespace Fibers.Benchmarks.Harness;

/// <summary>One way to do the thing that is asked about. <paramref name="Round"/> does it once and returns a figure for each of the question's rows; null where it has none.</summary>
/// <param name="Name">For the tables.</param>
/// <param name="Round">Does it once.</param>
/// <param name="Fibers">The fibers it must have used, or null for a peer.</param>
internal sealed record Contender(string Name, Func<IReadOnlyList<Figure?>> Round, Func<FiberUse>? Fibers = null)
{
    /// <summary>For a question with one row.</summary>
    public Contender(string name, Func<Figure> round, Func<FiberUse>? fibers = null)
        : this(name, () => [round()], fibers)
    {
    }
}

/// <summary>Evidence that fibers carried the work.</summary>
internal readonly record struct FiberUse(FiberBackend Backend, long Switches)
{
    public static FiberUse Of(FiberRuntime runtime) => new(runtime.Backend, runtime.Statistics.Switches);

    /// <summary>As <see cref="ToString"/> of a process of ours wrote it.</summary>
    public static FiberUse Parse(string text) => text.Split(' ') is [var backend, var switches]
        ? new FiberUse(Enum.Parse<FiberBackend>(backend), long.Parse(switches, System.Globalization.CultureInfo.InvariantCulture))
        : throw new InvalidOperationException($"A process of ours answered '{text}'.");

    public override string ToString() => $"{Backend} {Switches}";
}
