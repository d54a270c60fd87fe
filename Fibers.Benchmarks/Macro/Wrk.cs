using System.Globalization;
using System.Text.RegularExpressions;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>The load generator of the HTTP questions.</summary>
internal static partial class Wrk
{
    private const double TolerableLoss = 0.05; // of connections that came faster than the listener could take them
    private static readonly string? s_program = Find();

    public static string? Missing => s_program is null ? "wrk is not installed (Debian package wrk)" : null;

    /// <summary>Requests a second, over connections that each wait for their answer.</summary>
    public static double Load(int port, int connections, double seconds)
    {
        string output = Tool.Output(s_program!, "-t1", $"-c{connections}", $"-d{Math.Max(1, (int)seconds)}s", $"http://127.0.0.1:{port}/")!;
        int lost = ErrorLine().Match(output) is { Success: true } errors ? errors.Groups.Values.Skip(1).Sum(static count => int.Parse(count.Value, CultureInfo.InvariantCulture)) : 0;
        if (output.Contains("Non-2xx", StringComparison.Ordinal) || lost > (connections > Server.Backlog ? connections * TolerableLoss : 0))
            throw new InvalidOperationException($"wrk met errors:\n{output}");
        double rate = double.Parse(RateLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        return rate > 0 ? rate : throw new InvalidOperationException($"wrk had no answer:\n{output}");
    }

    [GeneratedRegex(@"Requests/sec:\s+([0-9.]+)")]
    private static partial Regex RateLine();

    [GeneratedRegex(@"Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+)")]
    private static partial Regex ErrorLine();

    private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(static folder => Path.Combine(folder, "wrk")).FirstOrDefault(File.Exists);
}
