using System.Diagnostics;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>Code that is not on a fiber, in a process whose imports are redirected.</summary>
public class NotOnAFiber
{
    [Fact]
    public void Plain_calls_give_the_same_with_and_without_redirections()
    {
        ChildResult without = Child.Run(Scenarios.PlainCalls);
        ChildResult with = Child.Run(Scenarios.PlainCallsRedirected);
        without.ExitCode.ShouldBe(0, without.Error);
        with.ExitCode.ShouldBe(0, with.Error);
        with.Output.ShouldBe(without.Output);
    }

    /// <summary>What the child does: everything on threads of its own, and a report of what came of it.</summary>
    public static int MakeCalls(bool redirected)
    {
        FiberRuntime? runtime = redirected ? Runtimes.Native(2) : null;
        runtime?.Run(static () => { });
        long before = runtime?.Statistics.Switches ?? 0;
        string[] reports = new string[20];
        Thread[] threads = [.. Enumerable.Range(0, reports.Length).Select(i => new Thread(() => reports[i] = Report(i)) { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        foreach (string report in reports)
            Console.WriteLine(report);
        (runtime?.Statistics.Switches ?? 0).ShouldBe(before, "no fiber was in use");
        runtime?.Dispose();
        return 0;
    }

    private static string Report(int i)
    {
        string errors = string.Join(' ', FaultInjection.Errors());
        using var pair = new LoopbackPair();
        byte[] data = new byte[100_000];
        new Random(i).NextBytes(data);
        var writer = new Thread(() => pair.Far.Send(data));
        writer.Start();
        byte[] received = new byte[data.Length];
        using var stream = new System.Net.Sockets.NetworkStream(pair.Near);
        stream.ReadExactly(received);
        writer.Join();
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, received);
        bool same = File.ReadAllBytes(path).AsSpan().SequenceEqual(data);
        File.Delete(path);
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"echo out {i}; exit {i}"]) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        int addresses = System.Net.Dns.GetHostAddresses("localhost").Count(System.Net.IPAddress.IsLoopback);
        object monitor = new();
        bool pulsed;
        lock (monitor)
            pulsed = Monitor.Wait(monitor, 1);
        return $"{errors} {same} {output} {process.ExitCode} {addresses > 0} {pulsed}";
    }
}
