using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Fibers.Native;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public partial class DebuggerTests
{
    private const int Parked = 5;

    [Fact]
    public void Gdb_lists_parked_fibers_and_unwinds_a_carrier_through_the_fiber_it_runs_to_its_beginning()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "The frames are those of Linux on x64.");
        string gdb = Optional.Require("gdb", package: "gdb");
        using Process child = Child.Start(Scenarios.WaitForDebugger);
        child.StandardOutput.ReadLine().ShouldBe("ready");
        string output;
        try
        {
            output = Debug(gdb, child.Id);
        }
        finally
        {
            child.StandardInput.WriteLine();
            child.WaitForExit(Bounded.Limit).ShouldBeTrue();
        }

        child.ExitCode.ShouldBe(0);
        Assert.SkipWhen(output.Contains("ptrace: Operation not permitted"), "debuggers may not attach here");

        output.ShouldContain($"{Parked} parked");
        ParkedInChannel().Count(output).ShouldBe(Parked, output);
        string carrier = Thread().Matches(output).Select(static match => match.Value).Single(static text => text.Contains("fiber carrier"));
        carrier.ShouldContain("fibers_block_kernel_thread");
        carrier.ShouldContain("vthread_main");
        carrier.ShouldNotContain("Backtrace stopped");
        carrier.ShouldNotContain("corrupt");
        carrier.TrimEnd().Split('\n')[^1].ShouldMatch("(clone|start_thread)", carrier);
    }

    /// <summary>The child: some fibers parked in a channel, and one that keeps the only carrier in native code until a line comes.</summary>
    public static int WaitForDebugger()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1 });
        var channel = new FiberChannel<int>();
        Fiber[] parked = [.. Enumerable.Range(0, Parked).Select(_ => runtime.SpawnConcurrent(() => { channel.Receive(out int _); }))];
        Eventually.True(() => parked.All(FiberState.IsParked), "all are parked");
        bool stop = false;
        Fiber blocking = runtime.SpawnConcurrent(() =>
        {
            while (!Volatile.Read(ref stop))
                Shim.fibers_block_kernel_thread(50_000_000);
        });
        Eventually.True(() => runtime.Statistics.BlockingCalls > 0, "the carrier is blocked");
        Console.WriteLine("ready");
        Console.ReadLine();
        Volatile.Write(ref stop, true);
        blocking.Join();
        channel.Close();
        foreach (Fiber fiber in parked)
            fiber.Join();
        return 0;
    }

    private static string Debug(string gdb, int process)
    {
        string script = Path.Combine(Repository.Root, "docs", "fibers.gdb");
        var start = new ProcessStartInfo(gdb, ["-nx", "-batch", "-p", $"{process}", "-x", script, "-ex", "fibers", "-ex", "thread apply all bt"]);
        return Command.Run(start).All;
    }

    [GeneratedRegex(@"^virtual thread \d+ \(tid \d+\): parked, channel\n(    0x[0-9a-f]{16} .*\n)*    0x[0-9a-f]{16} vthread_main", RegexOptions.Multiline)]
    private static partial Regex ParkedInChannel();

    // Up to the next empty line.
    [GeneratedRegex(@"^Thread \d+ .*?(?=\n\n|\z)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Thread();
}
