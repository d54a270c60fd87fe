using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
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
        using var stream = new NetworkStream(pair.Near);
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
        return $"{errors} {same} {output} {process.ExitCode} {addresses > 0} {pulsed} {Options(pair.Near)}";
    }

    // Calls that change how others wait, with an argument of each kind, and with a mistake.
    private static string Options(Socket socket)
    {
        int descriptor = (int)socket.Handle;
        var results = new List<string>();
        Note(fcntl(descriptor, GetFlags, 0));
        Note(fcntl(descriptor, SetFlags, NonBlocking));
        Note(fcntl(descriptor, GetFlags, 0));
        Note(fcntl(-1, SetFlags, 0));
        int copy = fcntl(descriptor, DuplicateFrom, 900), other = dup(descriptor);
        Note(copy >= 900 ? 1 : copy);
        Note(other >= 0 ? 1 : other);
        Note(fcntl(descriptor, DuplicateFrom, -1));
        Note(dup(-1));
        close(copy);
        close(other);
        int no = 0, available = -1;
        Note(ioctl(descriptor, SetNonBlocking, ref no));
        Note(fcntl(descriptor, GetFlags, 0));
        Note(ioctl(descriptor, CountReadable, ref available) + available);
        Note(ioctl(-1, SetNonBlocking, ref no));
        socket.ReceiveTimeout = 1230;
        Note(socket.ReceiveTimeout);
        Note(setsockopt(descriptor, -1, ReceiveTimeOut, ref no, sizeof(int)));
        return string.Join(' ', results);

        void Note(int result) => results.Add(result < 0 ? $"error {Marshal.GetLastPInvokeError()}" : $"{result:x}");
    }

    private const int DuplicateFrom = 0, GetFlags = 3, SetFlags = 4, NonBlocking = 0x800, ReceiveTimeOut = 20;
    private const nuint SetNonBlocking = 0x5421, CountReadable = 0x541b;

    [DllImport("libc", SetLastError = true)]
    private static extern int fcntl(int descriptor, int command, int argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(int descriptor, nuint command, ref int argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int setsockopt(int descriptor, int level, int option, ref int value, uint size);

    [DllImport("libc", SetLastError = true)]
    private static extern int dup(int descriptor);

    [DllImport("libc")]
    private static extern int close(int descriptor);
}
