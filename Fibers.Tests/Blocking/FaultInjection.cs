using System.Net.Sockets;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>The rare paths of the redirected calls made common: nothing is lost, nothing comes twice, and every caller sees what the plain call would give.</summary>
public class FaultInjection
{
    private const int Times = 2_000;

    public enum Fault : uint
    {
        None = uint.MaxValue,
        EpollControl = Faults.EpollControl,
        WouldBlock = Faults.WouldBlock,
        Short = Faults.Short,
        Interrupted = Faults.Interrupted,
        Memory = Faults.Memory,
    }

    [Theory]
    [InlineData(Fault.EpollControl)]
    [InlineData(Fault.WouldBlock)]
    [InlineData(Fault.Short)]
    [InlineData(Fault.Interrupted)]
    public void Streams_arrive_whole_and_once(Fault fault) => Bounded.Run(() =>
    {
        const int pairs = 20, size = 300_000;
        using FiberRuntime runtime = Runtimes.Native(2);
        using IDisposable faults = Faults.Some((uint)fault, after: 0, fault == Fault.EpollControl ? pairs / 2 : Times);
        Fiber[] fibers = [.. Enumerable.Range(0, pairs).Select(i => runtime.SpawnConcurrent(() =>
        {
            using var pair = new LoopbackPair();
            byte[] data = new byte[size];
            new Random(i).NextBytes(data);
            Fiber writer = Fiber.SpawnConcurrent(() =>
            {
                pair.Far.Send(data).ShouldBe(size, "a blocking send takes everything");
                pair.Far.Shutdown(SocketShutdown.Send);
            });
            using var stream = new NetworkStream(pair.Near);
            byte[] received = new byte[size];
            stream.ReadExactly(received);
            received.AsSpan().SequenceEqual(data).ShouldBeTrue();
            stream.ReadByte().ShouldBe(-1);
            writer.Join();
        }))];
        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    [Theory]
    [InlineData(Fault.WouldBlock)]
    [InlineData(Fault.Interrupted)]
    [InlineData(Fault.EpollControl)]
    public void Datagrams_arrive_one_by_one(Fault fault) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using var receiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        receiver.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        sender.Connect(receiver.LocalEndPoint!);
        using IDisposable faults = Faults.Some((uint)fault, after: 0, times: 200);
        Fiber reading = runtime.SpawnConcurrent(() =>
        {
            byte[] datagram = new byte[1000];
            for (int i = 1; i <= 100; i++)
                receiver.Receive(datagram).ShouldBe(i);
        });
        Fiber writing = runtime.SpawnConcurrent(() =>
        {
            for (int i = 1; i <= 100; i++)
                sender.Send(new byte[i]).ShouldBe(i);
        });
        writing.Join();
        reading.Join();
    });

    [Theory]
    [InlineData(Fault.None)]
    [InlineData(Fault.WouldBlock)]
    [InlineData(Fault.EpollControl)]
    [InlineData(Fault.Memory)]
    public void Errors_are_those_of_the_plain_call(Fault fault) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using IDisposable? faults = fault == Fault.None ? null : Faults.Some((uint)fault, after: 0, times: 50);
        string[] onFiber = runtime.Run(Errors);
        onFiber.ShouldBe(Errors()); // the same on this thread
    });

    internal static string[] Errors()
    {
        var seen = new List<string>();
        using (var pair = new LoopbackPair())
        {
            pair.Near.ReceiveTimeout = 10;
            seen.Add(Error(() => pair.Near.Receive(new byte[1])));
            seen.Add(Error(() => Socket.Select(new List<Socket> { pair.Near }, null, null, TimeSpan.FromMilliseconds(10))));
            seen.Add(pair.Near.Poll(TimeSpan.FromMilliseconds(10), SelectMode.SelectRead).ToString());
            pair.Near.Blocking = false;
            seen.Add(Error(() => pair.Near.Receive(new byte[1])));
        }

        using (var pair = new LoopbackPair())
        {
            pair.Far.LingerState = new LingerOption(true, 0);
            pair.Far.Dispose(); // a reset
            seen.Add(Error(() => pair.Near.Receive(new byte[1])));
            seen.Add(Error(() => pair.Near.Send(new byte[1])));
        }

        using (var unconnected = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            seen.Add(Error(() => unconnected.Receive(new byte[1])));
        return [.. seen];
    }

    private static string Error(Action action)
    {
        try
        {
            action();
            return "none";
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode.ToString();
        }
    }
}
