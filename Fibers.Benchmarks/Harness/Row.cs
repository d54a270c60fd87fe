namespace Fibers.Benchmarks.Harness;

/// <summary>One of the things a round tells.</summary>
internal sealed record Row(string Name, string Asks, string Unit, bool MoreIsBetter = false);
