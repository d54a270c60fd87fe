using System.Diagnostics;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="Process"/> with redirected output, and waiting for its end.</summary>
public class Processes
{
    [Fact]
    public void Hundreds_of_fibers_start_children_read_them_and_wait() => ManyFibers.Run(200, static i =>
    {
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"read line; echo $line back; exit {i % 100}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        process.StandardInput.WriteLine($"hello {i}");
        process.StandardOutput.ReadToEnd().ShouldBe($"hello {i} back\n");
        process.WaitForExit();
        process.ExitCode.ShouldBe(i % 100);
    });

    [Fact]
    public void Waiting_for_a_child_that_is_still_alive_parks()
    {
        const int fibers = 100;
        var all = new CountdownEvent(fibers);
        ManyFibers.Run(fibers, _ =>
        {
            using Process process = Process.Start(new ProcessStartInfo("/bin/cat") { RedirectStandardInput = true })!;
            Fiber<int> waiting = Fiber.SpawnConcurrent(() =>
            {
                process.WaitForExit();
                return process.ExitCode;
            });
            all.Signal();
            all.Wait(); // every child is alive, and every waiter may be parked
            process.StandardInput.Close();
            waiting.Join().ShouldBe(0);
        });
    }
}
