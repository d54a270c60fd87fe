using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using Fibers.Tests.ChildProcess;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Benchmarks;

/// <summary>The benchmarks in their short form, as a process of their own: each completes, and fibers carried the work. Never a time.</summary>
public sealed partial class Smoke
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    [Fact]
    public void Every_benchmark_completes_and_uses_fibers_or_says_what_it_lacks()
    {
        string[] names = [.. Run("list").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split(' ')[0])];
        ChildResult smoke = Run("smoke"); // it fails where something that should have run on fibers did not
        smoke.ExitCode.ShouldBe(0, $"{smoke.Output}\n{smoke.Error}");
        names.ShouldNotBeEmpty();
        foreach (string name in names)
            smoke.Output.ShouldMatch($@"(?m)^{Regex.Escape(name)}(: completed| is left out: )");
        Switches().Matches(smoke.Output).Sum(static match => long.Parse(match.Groups[1].Value)).ShouldBeGreaterThan(0);
    }

    [GeneratedRegex("fibers were switched to ([0-9]+) times")]
    private static partial Regex Switches();

    private static ChildResult Run(string command)
    {
        string folder = typeof(Smoke).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(static attribute => attribute.Key == "BenchmarksFolder").Value!;
        var start = new ProcessStartInfo(Path.Combine(folder, "Fibers.Benchmarks"), command) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{command}' did not end within {s_limit.TotalMinutes} minutes; it had said:\n{output.Result}");
        }

        return new ChildResult(process.ExitCode, output.Result, error.Result);
    }
}
