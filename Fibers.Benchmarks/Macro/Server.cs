using System.Net;
using System.Net.Sockets;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>
/// A server in a process of its own. Prints its port; answers each line of input with "backend switches"; ends at the end of input.
/// </summary>
internal static class Server
{
    /// <summary>As many as net.core.somaxconn allows by default. Of more that come at once the kernel resets some.</summary>
    public const int Backlog = 4096;

    public static int Run(Arguments arguments)
    {
        IService service = arguments.Text("what") switch
        {
            "http" => new HttpService(),
            "echo" => new EchoService(),
            "slow" => new SlowService(),
            "front" => new FrontService(arguments.Number("downstream", 0)),
            var what => throw new ArgumentException($"serve --what http|echo|slow|front, not '{what}'."),
        };
        string? how = arguments.Text("how");
        int carriers = arguments.Number("carriers", Environment.ProcessorCount);
        arguments.RejectTheRest();
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(Backlog);
        FiberRuntime? runtime = null;
        switch (how)
        {
            case "fibers":
                runtime = Runtimes.With(carriers);
                runtime.Spawn(() => Accept(listener, connection => Fiber.Spawn(() => Serve(service, connection))));
                break;
            case "threads":
                StartThread(() => Accept(listener, connection => StartThread(() => Serve(service, connection))));
                break;
            case "async":
                _ = AcceptAsync(listener, service);
                break;
            default:
                throw new ArgumentException($"serve --how fibers|threads|async, not '{how}'.");
        }

        Console.WriteLine(((IPEndPoint)listener.LocalEndPoint!).Port);
        while (Console.ReadLine() is not null)
            Console.WriteLine(runtime is null ? "none 0" : FiberUse.Of(runtime).ToString());
        Environment.Exit(0); // the connections are the other end's to close; we do not wait for it
        return 0;
    }

    private static void Accept(Socket listener, Action<Socket> serve)
    {
        while (true)
        {
            Socket connection = listener.Accept();
            connection.NoDelay = true;
            serve(connection);
        }
    }

    private static async Task AcceptAsync(Socket listener, IService service)
    {
        while (true)
        {
            Socket connection = await listener.AcceptAsync();
            connection.NoDelay = true;
            _ = Task.Run(() => ServeAsync(service, connection));
        }
    }

    private static void Serve(IService service, Socket connection)
    {
        using (connection)
        {
            try
            {
                service.Serve(connection);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
            {
                // the load generator ends like that
            }
        }
    }

    private static async Task ServeAsync(IService service, Socket connection)
    {
        using (connection)
        {
            try
            {
                await service.ServeAsync(connection);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
            {
                // the load generator ends like that
            }
        }
    }

    private static void StartThread(Action body) => new Thread(() => body(), 256 * 1024) { IsBackground = true }.Start();
}
