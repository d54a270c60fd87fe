using System.Net.Sockets;

namespace Fibers.Benchmarks.Macro;

/// <summary>Sends back whatever comes.</summary>
internal sealed class EchoService : IService
{
    public const int MessageSize = 512;

    public void Serve(Socket socket)
    {
        byte[] buffer = new byte[MessageSize];
        while (socket.Receive(buffer) is > 0 and int count)
            socket.Send(buffer.AsSpan(0, count));
    }

    public async Task ServeAsync(Socket socket)
    {
        byte[] buffer = new byte[MessageSize];
        while (await socket.ReceiveAsync(buffer.AsMemory()) is > 0 and int count)
            await socket.SendAsync(buffer.AsMemory(0, count));
    }
}
