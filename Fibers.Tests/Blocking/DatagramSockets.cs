using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>Datagram sockets tell those who would wait another thing than those who would not: a fiber must be told what a thread is.</summary>
public class DatagramSockets
{
    private static readonly byte[] s_word = [1, 2, 3, 4];

    private static readonly (string Name, Func<Socket> Open, Func<Socket, int> Receive)[] s_kinds =
    [
        ("udp", static () => Udp(connected: false), static socket =>
        {
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            return socket.ReceiveFrom(new byte[8], ref from);
        }),
        ("connected udp", static () => Udp(connected: true), static socket => socket.Receive(new byte[8])),
        ("local", static () => Local(out _), static socket => socket.Receive(new byte[8])),
    ];

    public static TheoryData<string, bool> Ends
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach ((string name, _, _) in s_kinds)
            {
                data.Add(name, true);
                data.Add(name, false);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void Who_receives_is_told_of_a_close_or_a_shutdown(string name, bool close) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        (_, Func<Socket> open, Func<Socket, int> receive) = s_kinds.Single(kind => kind.Name == name);
        End(open(), receive, close, onFiber: true, runtime).ShouldBe(End(open(), receive, close, onFiber: false, runtime));
    });

    private static string End(Socket socket, Func<Socket, int> receive, bool close, bool onFiber, FiberRuntime runtime)
    {
        string how = "";
        void Receive()
        {
            try
            {
                how = $"{receive(socket)} bytes";
            }
            catch (SocketException exception)
            {
                how = exception.SocketErrorCode.ToString();
            }
        }

        Fiber? fiber = onFiber ? runtime.Spawn(Receive) : null;
        Thread? thread = onFiber ? null : new Thread(Receive);
        thread?.Start();
        if (fiber is not null)
            Eventually.True(() => FiberState.IsWaiting(fiber), "it receives");
        else
            Thread.Sleep(50); // whether it is there already makes no difference to what it is told
        if (close)
            socket.Dispose();
        else
            ShutDown(socket);
        fiber?.Join();
        thread?.Join();
        socket.Dispose();
        return how;
    }

    // What is not connected may be shut down too; only the answer says that it is not.
    private static void ShutDown(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.NotConnected)
        {
        }
    }

    [Fact]
    public void A_full_receiver_is_not_asked_without_rest() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using Socket receiver = Local(out UnixDomainSocketEndPoint address);
        int sent = 0;
        Fiber sender = runtime.Spawn(() =>
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            for (int i = 0; i < 5_000; i++)
            {
                socket.SendTo(s_word, address);
                Interlocked.Increment(ref sent);
            }
        });
        Eventually.True(() => FiberState.IsWaiting(sender), "the receiver is full");
        long before = runtime.Statistics.Switches;
        var time = Stopwatch.StartNew();
        Thread.Sleep(200);
        (runtime.Statistics.Switches - before).ShouldBeLessThan(100 + (long)time.Elapsed.TotalMilliseconds * 10);
        Volatile.Read(ref sent).ShouldBeLessThan(5_000);
        for (int i = 0; i < 5_000; i++)
            receiver.Receive(new byte[8]).ShouldBe(s_word.Length);
        sender.Join();
    });

    private static Socket Udp(bool connected)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        if (connected)
            socket.Connect(socket.LocalEndPoint!);
        return socket;
    }

    private static Socket Local(out UnixDomainSocketEndPoint address)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        address = new UnixDomainSocketEndPoint(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(address);
        return socket;
    }
}
