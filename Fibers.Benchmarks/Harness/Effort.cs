namespace Fibers.Benchmarks.Harness;

/// <summary>How long to measure. Smoke asks only whether everything completes.</summary>
internal sealed record Effort(string Name, int Rounds, double Scale, double LoadSeconds)
{
    public static readonly Effort Smoke = new("smoke", 1, 0.002, 0.5);
    public static readonly Effort Quick = new("quick", 3, 1, 3);
    public static readonly Effort Full = new("full", 7, 2, 3);

    public bool IsSmoke => Name == Smoke.Name;

    /// <summary>So many repetitions in one round, given what Quick needs for a quarter of a second or so.</summary>
    public int Times(int quick) => Math.Max(4, (int)(quick * Scale));
}
