using System.Net;
using System.Net.Sockets;

namespace Fibers.Demos;

/// <summary>A server that accepts and a client that connects. Each waits for the other: that needs concurrency, and SpawnConcurrent says so.</summary>
internal static class ClientServer
{
    public static void Run()
    {
        using (var fibers = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 }))
            Console.WriteLine($"{fibers.Backend}{(fibers.Backend == FiberBackend.Native ? ", one carrier" : "")}: the client heard \"{fibers.Run(Talk)}\".");

        using var inline = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Inline });
        try
        {
            inline.Run(Talk);
        }
        catch (ConcurrencyUnavailableException exception)
        {
            Console.WriteLine($"{inline.Backend}: {exception.GetType().Name}. {exception.Message}");
            Console.WriteLine("With plain Spawn the server would have run first, inside Spawn, and waited for ever for a client that comes after it.");
        }
    }

    private static string Talk()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using Fiber server = Fiber.SpawnConcurrent(() => Serve(listener)); // not Spawn: it must run beside us
        using var client = new TcpClient();
        client.Connect((IPEndPoint)listener.LocalEndpoint);
        using var reader = new StreamReader(client.GetStream());
        string heard = reader.ReadLine() ?? "nothing";
        server.Join();
        return heard;
    }

    private static void Serve(TcpListener listener)
    {
        using TcpClient peer = listener.AcceptTcpClient(); // parks the fiber; its carrier goes on to the client
        using var writer = new StreamWriter(peer.GetStream());
        writer.WriteLine("hello");
    }
}
