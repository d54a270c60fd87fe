using System.Net;
using System.Net.Sockets;
using Shouldly;

namespace Fibers.Tests.Unmodified;

/// <summary>Two connected sockets on loopback.</summary>
internal sealed class LoopbackPair : IDisposable
{
    public LoopbackPair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        Near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Near.Connect(listener.LocalEndPoint!);
        Far = listener.Accept();
        Far.NoDelay = true;
    }

    public Socket Near { get; }

    public Socket Far { get; }

    /// <summary>On a fiber: another sends this token, late enough for us to wait for it, and it and no other must arrive.</summary>
    public void PassOn(int token)
    {
        Fiber sender = Fiber.SpawnConcurrent(() =>
        {
            Fiber.Yield();
            Far.Send(BitConverter.GetBytes(token));
        });
        byte[] received = new byte[sizeof(int)];
        Near.Receive(received).ShouldBe(sizeof(int));
        BitConverter.ToInt32(received).ShouldBe(token);
        sender.Join();
    }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }
}
