using System.Net.Sockets;

namespace Fibers.Benchmarks.Macro;

/// <summary>Reads a request, writes a small fixed response, keeps the connection.</summary>
internal class HttpService : IService
{
    private const int BufferSize = 4096;
    private static readonly byte[] s_response = [.. "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"u8];

    public void Serve(Socket socket)
    {
        byte[] buffer = new byte[BufferSize];
        int filled = 0;
        while (socket.Receive(buffer.AsSpan(filled)) is > 0 and int count)
        {
            filled += count;
            while (TakeRequest(buffer, ref filled))
            {
                Prepare();
                socket.Send(s_response);
            }
        }
    }

    public async Task ServeAsync(Socket socket)
    {
        byte[] buffer = new byte[BufferSize];
        int filled = 0;
        while (await socket.ReceiveAsync(buffer.AsMemory(filled)) is > 0 and int count)
        {
            filled += count;
            while (TakeRequest(buffer, ref filled))
            {
                await PrepareAsync();
                await socket.SendAsync(s_response);
            }
        }
    }

    /// <summary>What a request needs before it can be answered.</summary>
    protected virtual void Prepare()
    {
    }

    /// <inheritdoc cref="Prepare"/>
    protected virtual Task PrepareAsync() => Task.CompletedTask;

    // True: a whole request was there; what follows it moves to the front.
    private static bool TakeRequest(byte[] buffer, ref int filled)
    {
        int end = buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return filled < buffer.Length ? false : throw new InvalidDataException("The request is too long.");
        int next = end + 4;
        buffer.AsSpan(next, filled - next).CopyTo(buffer);
        filled -= next;
        return true;
    }
}
