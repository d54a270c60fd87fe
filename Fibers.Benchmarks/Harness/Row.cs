namespace Fibers.Benchmarks.Harness;

/// <summary>One of the things a round tells. A question with several is shown as a sheet: its rows down, its contenders across.</summary>
internal sealed record Row(string Name, string Asks, string Unit, bool MoreIsBetter = false);
