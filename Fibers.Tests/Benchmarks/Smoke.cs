using System.Diagnostics;
using System.Text.RegularExpressions;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
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
        string[] names = Names();
        ChildResult smoke = Run("smoke"); // it fails where something that should have run on fibers did not
        smoke.ExitCode.ShouldBe(0, $"{smoke.Output}\n{smoke.Error}");
        names.ShouldNotBeEmpty();
        foreach (string name in names)
            smoke.Output.ShouldMatch($@"(?m)^{Regex.Escape(name)}(: completed| is left out: )");
        Switches().Matches(smoke.Output).Sum(static match => long.Parse(match.Groups[1].Value)).ShouldBeGreaterThan(0);
        if (LeftOut().Match(smoke.Output) is { Success: true } leftOut) // of those that could be asked, all completed
            Optional.Missing(leftOut.Groups["what"].Value, leftOut.Groups["package"].Value);
    }

    [Fact]
    public void Every_benchmark_that_is_said_to_show_a_promise_exists() =>
        BenchmarkToRun().Matches(Repository.Read("docs/proof.md")).Select(static match => match.Groups[1].Value).ShouldBeSubsetOf([.. Names(), "quick", "list", "torture"]);

    private static string[] Names() => [.. Run("list").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split(' ')[0])];

    [GeneratedRegex("`bench ([a-z0-9-]+)`")]
    private static partial Regex BenchmarkToRun();

    [GeneratedRegex("fibers were switched to ([0-9]+) times")]
    private static partial Regex Switches();

    [GeneratedRegex(@" is left out: (?<what>\S+) is not installed \(Debian package (?<package>\S+)\)")]
    private static partial Regex LeftOut();

    private static ChildResult Run(string command) =>
        Command.Run(s_limit, new ProcessStartInfo(Path.Combine(Repository.Folder("BenchmarksFolder"), "Fibers.Benchmarks"), [command]));
}
