using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary>What System.Net.Sockets promises to blocking code, kept on fibers.</summary>
public class Sockets
{
    public enum From
    {
        Fiber,
        Thread,
    }

    [Fact]
    public void A_blocked_receive_leaves_the_carrier_to_others() => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        Fiber<int> receiver = runtime.Spawn(() => pair.Near.Receive(new byte[10]));
        Parked(receiver);
        runtime.Spawn(() => pair.Far.Send([1, 2, 3])).Join();
        receiver.Join().ShouldBe(3);
        runtime.Statistics.SparesStarted.ShouldBe(0);
    });

    [Fact]
    public void A_receive_timeout_is_a_SocketException() => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        pair.Near.ReceiveTimeout = 30;
        long start = Stopwatch.GetTimestamp();
        Fiber fiber = runtime.Spawn(() => pair.Near.Receive(new byte[1]));
        Should.Throw<SocketException>(fiber.Join).SocketErrorCode.ShouldBe(SocketError.TimedOut);
        Stopwatch.GetElapsedTime(start).TotalMilliseconds.ShouldBeGreaterThanOrEqualTo(29);
    });

    [Fact]
    public void A_send_timeout_is_a_SocketException() => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        pair.Near.SendTimeout = 30;
        Fiber fiber = runtime.Spawn(() =>
        {
            while (true)
                pair.Near.Send(new byte[64 * 1024]); // nobody reads
        });
        Should.Throw<SocketException>(fiber.Join).SocketErrorCode.ShouldBe(SocketError.TimedOut);
    });

    [Fact]
    public void A_receive_within_its_timeout_gets_the_data() => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        pair.Near.ReceiveTimeout = 60_000;
        Fiber<int> receiver = runtime.Spawn(() => pair.Near.Receive(new byte[10]));
        Parked(receiver);
        pair.Far.Send([7]);
        receiver.Join().ShouldBe(1);
    });

    [Fact]
    public void A_non_blocking_socket_says_WouldBlock_at_once() => OnOneCarrier(runtime => runtime.Run(() =>
    {
        using var pair = new LoopbackPair();
        pair.Near.Blocking = false;
        Should.Throw<SocketException>(() => pair.Near.Receive(new byte[1])).SocketErrorCode.ShouldBe(SocketError.WouldBlock);
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        listener.Blocking = false;
        Should.Throw<SocketException>(listener.Accept).SocketErrorCode.ShouldBe(SocketError.WouldBlock);
        pair.Near.Blocking = true;
        Fiber later = Fiber.Spawn(() => pair.Far.Send([1]));
        pair.Near.Receive(new byte[1]).ShouldBe(1, "blocking again");
        later.Join();
    }));

    [Theory]
    [InlineData(From.Fiber)]
    [InlineData(From.Thread)]
    public void Closing_a_socket_ends_the_read_that_blocks_on_it(From from) => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        Fiber reader = runtime.Spawn(() => pair.Near.Receive(new byte[1]));
        Parked(reader);
        Run(runtime, from, pair.Near.Dispose);
        EndedByClose(reader);
    });

    [Theory]
    [InlineData(From.Fiber)]
    [InlineData(From.Thread)]
    public void Closing_a_listener_ends_the_accept_that_blocks_on_it(From from) => OnOneCarrier(runtime =>
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Fiber acceptor = runtime.Spawn(() => listener.Accept());
        Parked(acceptor);
        Run(runtime, from, listener.Dispose);
        EndedByClose(acceptor);
    });

    [Theory]
    [InlineData(From.Fiber)]
    [InlineData(From.Thread)]
    public void Shutting_down_the_other_side_ends_the_read_with_nothing(From from) => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        Fiber<int> reader = runtime.Spawn(() => pair.Near.Receive(new byte[1]));
        Parked(reader);
        Run(runtime, from, () => pair.Far.Shutdown(SocketShutdown.Send));
        reader.Join().ShouldBe(0);
    });

    [Fact]
    public void A_refused_connection_is_a_SocketException() => OnOneCarrier(runtime => runtime.Run(() =>
    {
        var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var address = (IPEndPoint)closed.LocalEndpoint;
        closed.Stop();
        using var client = new TcpClient();
        Should.Throw<SocketException>(() => client.Connect(address)).SocketErrorCode.ShouldBe(SocketError.ConnectionRefused);
    }));

    [Fact]
    public void Poll_parks_until_the_socket_is_ready_or_the_time_is_up() => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        runtime.Run(() => pair.Near.Poll(TimeSpan.FromMilliseconds(10), SelectMode.SelectRead)).ShouldBeFalse();
        runtime.Run(() => pair.Near.Poll(TimeSpan.Zero, SelectMode.SelectWrite)).ShouldBeTrue();
        Fiber<bool> poller = runtime.Spawn(() => pair.Near.Poll(TimeSpan.FromMinutes(5), SelectMode.SelectRead));
        Parked(poller);
        runtime.Spawn(() => pair.Far.Send([1])).Join();
        poller.Join().ShouldBeTrue();
    });

    [Fact]
    public void Select_finds_the_one_socket_of_several_that_is_ready() => OnOneCarrier(runtime =>
    {
        LoopbackPair[] pairs = [.. Enumerable.Range(0, 5).Select(static _ => new LoopbackPair())];
        Fiber<Socket> selector = runtime.Spawn(() =>
        {
            List<Socket> read = [.. pairs.Select(static pair => pair.Near)];
            Socket.Select(read, null, null, TimeSpan.FromMinutes(5));
            return read.Single();
        });
        Parked(selector);
        runtime.Spawn(() => pairs[3].Far.Send([1])).Join();
        selector.Join().ShouldBeSameAs(pairs[3].Near);
        foreach (LoopbackPair pair in pairs)
            pair.Dispose();
    });

    [Fact]
    public void Two_fibers_read_and_write_the_same_socket_at_once() => OnOneCarrier(runtime =>
    {
        using var pair = new LoopbackPair();
        const int total = 4 * 1024 * 1024;
        Fiber<int> echo = runtime.SpawnConcurrent(() => Copy(pair.Far, pair.Far, total));
        Fiber<int> writer = runtime.SpawnConcurrent(() => Write(pair.Near, total));
        Fiber<int> reader = runtime.SpawnConcurrent(() => Copy(pair.Near, null, total));
        foreach (Fiber<int> fiber in (Fiber<int>[])[writer, echo, reader])
            fiber.Join().ShouldBe(total);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Descriptor_numbers_are_used_again_without_mixing_the_connections_up(int carriers) => Bounded.Run(() =>
    {
        const int fibers = 40, rounds = 40;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        Fiber[] all = [.. Enumerable.Range(0, fibers).Select(i => runtime.Spawn(() =>
        {
            for (int round = 0; round < rounds; round++)
            {
                using var pair = new LoopbackPair();
                pair.PassOn(i * rounds + round);
                if (round % 4 == 0)
                {
                    // One that is closed under a reader, so that the number is free while its waiter is still in a list.
                    Fiber reader = Fiber.SpawnConcurrent(() => Should.Throw<Exception>(() => pair.Near.Receive(new byte[4])));
                    Fiber.Yield();
                    pair.Near.Dispose();
                    reader.Join();
                }
            }
        }))];
        foreach (Fiber fiber in all)
            fiber.Join();
    });

    private static void EndedByClose(Fiber fiber)
    {
        Exception exception = Should.Throw<Exception>(fiber.Join);
        (exception is SocketException or ObjectDisposedException).ShouldBeTrue(exception.ToString());
    }

    private static int Write(Socket socket, int total)
    {
        byte[] block = new byte[64 * 1024];
        int sent = 0;
        while (sent < total)
            sent += socket.Send(block, Math.Min(block.Length, total - sent), SocketFlags.None);
        return sent;
    }

    private static int Copy(Socket from, Socket? to, int total)
    {
        byte[] block = new byte[16 * 1024];
        int copied = 0;
        while (copied < total)
        {
            int count = from.Receive(block);
            if (count == 0)
                break;
            to?.Send(block, count, SocketFlags.None);
            copied += count;
        }

        return copied;
    }

    private static void Run(FiberRuntime runtime, From from, Action action)
    {
        if (from == From.Fiber)
        {
            runtime.Run(action);
            return;
        }

        var thread = new Thread(() => action()) { IsBackground = true };
        thread.Start();
        thread.Join();
    }

    private static void Parked(Fiber fiber) => Eventually.True(() => FiberState.IsParked(fiber), "the fiber is parked");

    private static void OnOneCarrier(Action<FiberRuntime> body) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        body(runtime);
    });
}
