using System.Net;
using System.Net.Sockets;

namespace Fibers.Tests.Unmodified;

/// <summary>A loopback echo written as blocking code: one fiber accepts, one fiber per connection copies.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Fiber> _connections = [];
    private readonly Fiber _acceptor;

    public EchoServer(FiberRuntime runtime)
    {
        _listener.Start(1024);
        Address = (IPEndPoint)_listener.LocalEndpoint;
        _acceptor = runtime.SpawnConcurrent(Accept, new FiberOptions { Name = "acceptor" });
    }

    public IPEndPoint Address { get; }

    /// <summary>Ends the accept from outside, then waits for the connections: their clients must be gone.</summary>
    public void Dispose()
    {
        _listener.Stop();
        _acceptor.Join();
        foreach (Fiber connection in _connections)
            connection.Join();
    }

    private void Accept()
    {
        while (true)
        {
            TcpClient client;
            try
            {
                client = _listener.AcceptTcpClient();
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.Interrupted or SocketError.OperationAborted or SocketError.InvalidArgument)
            {
                return; // stopped
            }

            _connections.Add(Fiber.SpawnConcurrent(() => Serve(client)));
        }
    }

    private static void Serve(TcpClient client)
    {
        using (client)
            client.GetStream().CopyTo(client.GetStream(), 4096);
    }
}
