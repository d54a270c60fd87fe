using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fibers.Benchmarks.Macro;

/// <summary>The load for <see cref="TcpEcho"/>, in a process of its own: the same for every contender. Prints round trips per second.</summary>
internal static class EchoLoad
{
    public static int Run(Arguments arguments)
    {
        int port = arguments.Number("port", 0), connections = arguments.Number("connections", 1), milliseconds = arguments.Number("milliseconds", 1000);
        arguments.RejectTheRest();
        var clock = Stopwatch.StartNew();
        long[] trips = Task.WhenAll(Enumerable.Range(0, connections).Select(_ => RunOne(port, clock, milliseconds))).Result;
        Console.WriteLine((trips.Sum() / clock.Elapsed.TotalSeconds).ToString("F1", CultureInfo.InvariantCulture));
        return 0;
    }

    private static async Task<long> RunOne(int port, Stopwatch clock, int milliseconds)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        byte[] message = new byte[EchoService.MessageSize];
        long trips = 0;
        for (; clock.ElapsedMilliseconds < milliseconds; trips++)
        {
            await socket.SendAsync(message);
            for (int got = 0; got < message.Length;)
            {
                int count = await socket.ReceiveAsync(message.AsMemory(got));
                got += count > 0 ? count : throw new InvalidOperationException("The server closed the connection.");
            }
        }

        return trips;
    }
}
