using System.Net.Sockets;

namespace Fibers.Benchmarks.Macro;

/// <summary>What a server does with one connection until the other end closes it; in synchronous and in asynchronous code.</summary>
internal interface IService
{
    public void Serve(Socket socket);

    public Task ServeAsync(Socket socket);
}
