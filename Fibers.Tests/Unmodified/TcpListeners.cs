using System.Net;
using System.Net.Sockets;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="TcpListener.AcceptTcpClient"/>: fibers share one listener, and each gets its own client.</summary>
public class TcpListeners
{
    [Fact]
    public void Hundreds_of_fibers_accept_from_one_listener()
    {
        const int fibers = 300;
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start(fibers);
        var seen = new HashSet<int>();
        using var accepting = new CountdownEvent(fibers);
        var clients = new Thread(() =>
        {
            accepting.Wait();
            for (int i = 0; i < fibers; i++)
            {
                using var client = new TcpClient();
                client.Connect((IPEndPoint)listener.LocalEndpoint);
                client.GetStream().Write(BitConverter.GetBytes(i));
            }
        })
        { IsBackground = true };
        clients.Start();
        ManyFibers.Run(fibers, _ =>
        {
            accepting.Signal();
            using TcpClient client = listener.AcceptTcpClient();
            byte[] number = new byte[sizeof(int)];
            client.GetStream().ReadExactly(number);
            lock (seen)
                seen.Add(BitConverter.ToInt32(number)).ShouldBeTrue();
        });
        clients.Join();
        listener.Stop();
        seen.Order().ShouldBe(Enumerable.Range(0, fibers));
    }
}
