using System.Diagnostics;
using System.Text;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

/// <summary>The ordinary tool, from outside: <c>dotnet tool restore</c> provides it.</summary>
public class TraceTool
{
    [Fact]
    public void Dotnet_trace_collects_the_events_of_a_running_process()
    {
        string file = Path.Combine(Path.GetTempPath(), $"fibers-{Environment.ProcessId}.nettrace");
        using Process child = Child.Start(Scenarios.Tick);
        try
        {
            child.StandardOutput.ReadLine().ShouldBe("ready");
            ChildResult tool = Collect(child.Id, file);
            Assert.SkipWhen(tool.ExitCode != 0 && tool.All.Contains("dotnet tool restore", StringComparison.OrdinalIgnoreCase), "dotnet-trace is not restored (dotnet tool restore).");
            tool.ExitCode.ShouldBe(0, tool.All);
            string trace = Encoding.Unicode.GetString(File.ReadAllBytes(file)) + Encoding.Unicode.GetString(File.ReadAllBytes(file)[1..]); // names begin anywhere
            foreach (string name in (string[])["FiberSpawned", "FiberStarted", "FiberParked", "FiberWoken", "FiberEnded"])
                trace.ShouldContain(name);
        }
        finally
        {
            child.StandardInput.WriteLine();
            child.WaitForExit();
            File.Delete(file);
        }
    }

    /// <summary>The child: spawns fibers that sleep, until a line comes.</summary>
    public static int Tick()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1 });
        var input = Task.Run(Console.ReadLine);
        Console.WriteLine("ready");
        while (!input.IsCompleted)
            runtime.SpawnConcurrent(static () => Fiber.Sleep(TimeSpan.FromMilliseconds(5))).Join();
        return 0;
    }

    private static ChildResult Collect(int process, string file) => Command.Run(
        new ProcessStartInfo("dotnet", ["tool", "run", "dotnet-trace", "collect", "-p", $"{process}", "--providers", "Fibers", "--duration", "00:00:00:01", "-o", file]) { WorkingDirectory = Repository.Root });
}
