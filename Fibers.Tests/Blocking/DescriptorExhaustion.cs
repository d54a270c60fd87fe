using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>No descriptor is left, in a child process whose limit is low: fibers get the error that threads get, and what is open goes on working.</summary>
public class DescriptorExhaustion
{
    private const int NoFile = 7; // RLIMIT_NOFILE
    private const ulong Limit = 300;

    [Fact]
    public void Fibers_see_the_error_that_threads_see()
    {
        ChildResult result = Child.Run(Scenarios.ExhaustDescriptors);
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.Trim().ShouldBe("TooManyOpenSockets TooManyOpenSockets 3");
    }

    public static int Compare()
    {
        var limit = new ResourceLimit { Soft = Limit, Hard = Limit };
        setrlimit(NoFile, in limit).ShouldBe(0);
        using FiberRuntime runtime = Runtimes.Native(ManyFibers.Carriers);
        using var pair = new LoopbackPair();
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Fiber<int> reader = runtime.SpawnConcurrent(() => pair.Near.Receive(new byte[8])); // parked while they run out
        SocketError onThread = Exhaust(listener);
        SocketError onFibers = runtime.Run(() => Exhaust(listener));
        runtime.Run(() => pair.Far.Send([1, 2, 3])).ShouldBe(3);
        Console.WriteLine($"{onThread} {onFibers} {reader.Join()}");
        return 0;
    }

    private static SocketError Exhaust(TcpListener listener)
    {
        var open = new List<Socket>();
        try
        {
            while (true)
            {
                var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                open.Add(client);
                client.Connect(listener.LocalEndpoint);
                open.Add(listener.AcceptSocket());
            }
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode;
        }
        finally
        {
            foreach (Socket socket in open)
                socket.Dispose();
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int setrlimit(int resource, in ResourceLimit limit);
}
