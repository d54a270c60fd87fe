using System.Globalization;
using System.Text.RegularExpressions;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>Requests a second that a plain synchronous responder on fibers answers, beside its async, thread and Go twins, under wrk.</summary>
internal sealed partial class HttpResponder(int connections) : ServerQuestion("http")
{
    private static readonly string? s_wrk = FindWrk();

    public override string Name => $"http-{connections}";
    public override string Asks => $"HTTP responder, {connections:N0} connections";
    public override string Unit => "requests/s";
    public override bool InQuick => true;
    public override string? Missing => s_wrk is null ? "it needs wrk (apt-get install wrk)" : null;

    protected override double Load(int port, double seconds)
    {
        string output = Tool.Output(s_wrk!, "-t1", $"-c{connections}", $"-d{Math.Max(1, (int)seconds)}s", $"http://127.0.0.1:{port}/")!;
        if (output.Contains("Non-2xx", StringComparison.Ordinal) || ErrorLine().Match(output) is { Success: true })
            throw new InvalidOperationException($"wrk met errors:\n{output}");
        return double.Parse(RateLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"Requests/sec:\s+([0-9.]+)")]
    private static partial Regex RateLine();

    [GeneratedRegex(@"Socket errors: (?!connect 0, read 0, write 0)")]
    private static partial Regex ErrorLine();

    private static string? FindWrk() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(static folder => Path.Combine(folder, "wrk")).FirstOrDefault(File.Exists);
}
