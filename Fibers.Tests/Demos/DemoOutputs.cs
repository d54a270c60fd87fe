using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>What each demo says, word for word. Only what differs from run to run is masked.</summary>
public sealed class DemoOutputs
{
    [Fact]
    public void Swap()
    {
        string output = DemoProcess.OutputOf("swap");
        Assert.SkipUnless(Regex.IsMatch(output, @"fibers_switch\w*_fsgsbase"), "The routine of this processor, or of this kernel, is another one.");
        CheckOutput(output,
            (@"0x[0-9a-f]+", "0x#"),                            // addresses and contents
            (@"stands in .*?(SwapRecorder\.\w+) <.*", "stands in ... < $1 < ..."), // how the library gets here
            (@"stands in .*?(Carrier\.Main) <.*", "stands in ... < $1 < ..."),
            (@"return address into .*", "return address into #"),
            (@"^(    0x#  0x#  (frame of|saved rbp of|return address into).*\n)+", "    ...\n"), // and how its frames are laid out
            (@"its id is \d+", "its id is #"),
            (@"kernel thread \d+", "kernel thread #"),
            (@"after [\d,]+ other", "after # other"),
            (@"  changed$", ""));                               // two parties may hold the same value
    }

    [Fact]
    public void List() => Check(["list"]);

    [Fact]
    public void Help() => Check(["--help"]);

    [Fact]
    public void Help_of_fetch() => Check(["fetch", "--help"]);

    [Fact]
    public void Help_of_hundred() => Check(["hundred", "--help"]);

    [Fact]
    public void Help_of_swap() => Check(["swap", "--help"]);

    [Fact]
    public void Help_of_a_demo_without_options() => Check(["tour", "--help"]);

    [Fact]
    public void Fetch() => Check(["fetch", "--pages", "100", "--delay", "20", "--concurrency", "50"], s_figures);

    [Fact]
    public void Hundred() => Check(["hundred", "--delay", "50"], s_figures);

    [Fact]
    public void Tour() => Check(["tour"]);

    [Fact]
    public void Two_files() => Check(["two-files"], ("(?<=Native:\n)(?<lines>(.*\n)+?)(?=  saved)", InAnyOrder));

    [Fact]
    public void Client_server() => Check(["client-server"]);

    [Fact]
    public void Thread_locals() => Check(["threadlocal"], ("thread [0-9]+", "thread #"), ("(?<=fibers:\n)(?<lines>(.*\n)+?)(?=One carrier)", InAnyOrder));

    [Fact]
    public void Collector() => Check(["gc"], ("0x[0-9a-f]+", "0x#"), (@" \(it did not have to move this time\)", ""));

    [Fact]
    public void Zig() => Check(["zig"]);

    [Fact]
    public void Fibonacci() => Check(["fibonacci"]);

    [Fact]
    public void Noop_await() => Check(["noop-await"]);

    [Fact]
    public void Race() => Check(["race"], (@"(?<=read, park, write:      )\d+", "#"));

    [Fact]
    public void Deadlock() => Check(["deadlock"], (@"fiber \d+", "fiber #"), ("(?<=these.\n)(?<lines>(  .*\n)+)", InAnyOrder));

    [Fact]
    public void Starvation() => Check(["starvation"]);

    [Fact]
    public void Back_pressure() => Check(["back-pressure"]);

    [Fact]
    public void Structured() => Check(["structured"], (@"Fiber \d+", "Fiber #"));

    private const string InAnyOrder = "sorted";

    // Lengths of what is masked, and how often the progress is told.
    private static readonly (string, string)[] s_figures =
    [
        (@"[+]?\d[\d,.]*(?= MB|\s|:| |$)", "#"),
        (@":\d+", ":#"),
        ("─+", "─"),
        (" +", " "),
        (@"^( [a-z/ ]+: # of #\n)+", " ...\n"),
    ];

    // A pattern and what to put in its place; for InAnyOrder, the group "lines" is sorted.
    private static void Check(string[] arguments, params (string Pattern, string Mask)[] masks) => CheckOutput(DemoProcess.OutputOf(arguments), masks);

    private static void CheckOutput(string output, params (string Pattern, string Mask)[] masks)
    {
        foreach ((string pattern, string mask) in masks)
            output = Regex.Replace(output, pattern, match => mask == InAnyOrder ? Sorted(match.Groups["lines"].Value) : match.Result(mask), RegexOptions.Multiline);
        output.ShouldMatchApproved(static options => options.NoDiff().SubFolder("Approved").LocateTestMethodUsingAttribute<FactAttribute>());
    }

    private static string Sorted(string lines) => string.Concat(lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal).Select(static line => line + '\n'));
}
