using System.Diagnostics;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class QuitSignals
{
    [Theory]
    [InlineData(Scenarios.DumpOnSignal)]
    [InlineData(Scenarios.DumpOnSignalByEnvironment)]
    public void On_SIGQUIT_the_dump_goes_to_standard_error_and_the_process_goes_on(string scenario)
    {
        ShouldDumpAndGoOn(Child.Run(scenario, scenario == Scenarios.DumpOnSignalByEnvironment ? [("FIBERS_DUMP_ON_SIGQUIT", "1")] : []));
    }

    [Fact]
    public void It_works_where_the_signal_was_ignored_before_the_process_started() => // as in what a shell starts in the background
        ShouldDumpAndGoOn(Child.RunIgnoring("QUIT", Scenarios.DumpOnSignal));

    private static void ShouldDumpAndGoOn(ChildResult result)
    {
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.ShouldContain("went on");
        result.Output.ShouldContain("deadlock found"); // our own handler does not count as somebody who may wake a fiber
        result.Error.ShouldContain("\"waits to be dumped\": parked");
        result.Error.ShouldContain("receiving from channel \"nobody sends\"");
    }

    /// <summary>The child: signals itself, waits until the dump is out, and ends as if nothing had been.</summary>
    public static int SignalItself(bool byOption)
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1, DumpOnSigQuit = byOption });
        using var printed = new Watched(Console.Error);
        Console.SetError(printed);
        var channel = new FiberChannel<int>(name: "nobody sends");
        Fiber fiber = runtime.SpawnConcurrent(() => { channel.Receive(); }, new FiberOptions { Name = "waits to be dumped" });
        Eventually.True(() => FiberState.IsParked(fiber), "the fiber is parked");
        using (Process kill = Process.Start("/bin/kill", ["-QUIT", $"{Environment.ProcessId}"]))
            kill.WaitForExit();
        Eventually.True(() => printed.Flushed.IsSet, "the dump is out");
        Console.WriteLine("went on");
        channel.Send(1);
        fiber.Join();
        Should.Throw<FiberDeadlockException>(() => runtime.Run(() => channel.Receive()));
        Console.WriteLine("deadlock found");
        return 0;
    }

    private sealed class Watched(TextWriter inner) : StringWriter
    {
        public ManualResetEventSlim Flushed { get; } = new();

        public override void Flush()
        {
            inner.Write(ToString());
            inner.Flush();
            Flushed.Set();
        }
    }
}
