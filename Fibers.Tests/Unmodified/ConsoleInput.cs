using System.Diagnostics;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="Console.In"/> on a pipe: in a child process, whose standard input we hold.</summary>
public class ConsoleInput
{
    private const int Lines = 300;

    /// <summary>What the child does: hundreds of fibers share the input, each takes a line; others start processes meanwhile, whose own standard input replaces ours between fork and exec.</summary>
    public static int ReadLines()
    {
        using var sampler = new ThreadSampler();
        var read = new HashSet<string>();
        using (FiberRuntime runtime = Runtimes.Native(ManyFibers.Carriers))
        {
            Fiber[] readers = [.. Enumerable.Range(0, Lines).Select(_ => runtime.SpawnConcurrent(() =>
            {
                string line = Console.In.ReadLine() ?? throw new EndOfStreamException();
                lock (read)
                    read.Add(line);
            }))];
            runtime.Run(static () =>
            {
                using Process process = Process.Start(new ProcessStartInfo("/bin/true") { RedirectStandardInput = true })!;
                process.WaitForExit();
            });
            Console.WriteLine("ready");
            foreach (Fiber reader in readers)
                reader.Join();
        }

        Console.WriteLine($"{read.Count} {sampler.Peak - sampler.Baseline - ManyFibers.Carriers}");
        return 0;
    }

    [Fact]
    public void Hundreds_of_fibers_read_lines_from_the_console()
    {
        using Process child = Child.Start(Scenarios.ReadConsole);
        child.StandardOutput.ReadLine().ShouldBe("ready");
        for (int i = 0; i < Lines; i++)
            child.StandardInput.WriteLine($"line {i}");
        string[] report = child.StandardOutput.ReadLine()!.Split(' ');
        child.WaitForExit();
        child.ExitCode.ShouldBe(0);
        int.Parse(report[0]).ShouldBe(Lines);
        int.Parse(report[1]).ShouldBeLessThanOrEqualTo(ManyFibers.SpareThreads);
    }
}
