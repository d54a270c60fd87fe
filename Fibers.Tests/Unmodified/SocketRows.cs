using System.Net;
using System.Net.Sockets;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="Socket"/>: every client's message is answered only when all of them have come, so all wait in Receive at once.</summary>
public class SocketRows
{
    private const int Fibers = 300;

    [Fact]
    public void Hundreds_of_fibers_receive_from_tcp_sockets_at_once() => Talk(static () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), new IPEndPoint(IPAddress.Loopback, 0));

    [Fact]
    public void Hundreds_of_fibers_receive_from_unix_sockets_at_once()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            Talk(static () => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Hundreds_of_fibers_exchange_datagrams_at_once()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.ReceiveBufferSize = 1 << 20;
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var answering = new Thread(() =>
        {
            var clients = new List<(EndPoint Who, byte[] What)>();
            byte[] buffer = new byte[64];
            while (clients.Count < Fibers)
            {
                EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                int count = server.ReceiveFrom(buffer, ref from);
                clients.Add((from, buffer[..count]));
            }

            foreach ((EndPoint who, byte[] what) in clients)
                server.SendTo(what, who);
        })
        { IsBackground = true };
        answering.Start();
        ManyFibers.Run(Fibers, i =>
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            client.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            client.SendTo(BitConverter.GetBytes(i), server.LocalEndPoint!);
            byte[] answer = new byte[64];
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            client.ReceiveFrom(answer, ref from).ShouldBe(sizeof(int));
            BitConverter.ToInt32(answer).ShouldBe(i);
            from.ShouldBe(server.LocalEndPoint);
        });
        answering.Join();
    }

    private static void Talk(Func<Socket> open, EndPoint address)
    {
        using Socket listener = open();
        listener.Bind(address);
        listener.Listen(Fibers);
        var answering = new Thread(() =>
        {
            var clients = new List<(Socket Who, byte[] What)>();
            byte[] buffer = new byte[64];
            while (clients.Count < Fibers)
            {
                Socket client = listener.Accept();
                int count = client.Receive(buffer);
                clients.Add((client, buffer[..count]));
            }

            foreach ((Socket who, byte[] what) in clients)
            {
                who.Send(what);
                who.Dispose();
            }
        })
        { IsBackground = true };
        answering.Start();
        ManyFibers.Run(Fibers, i =>
        {
            using Socket client = open();
            client.Connect(listener.LocalEndPoint!);
            client.Send(BitConverter.GetBytes(i)).ShouldBe(sizeof(int));
            byte[] answer = new byte[64];
            client.Receive(answer).ShouldBe(sizeof(int));
            BitConverter.ToInt32(answer).ShouldBe(i);
            client.Receive(answer).ShouldBe(0, "the end of the stream");
        });
        answering.Join();
    }
}
