using System.Diagnostics;
using System.Net.Sockets;
using Fibers.Tests.Support;

namespace Fibers.Servers;

/// <summary>A Redis of our own, in memory only.</summary>
public sealed class RedisServer : ServerProcess
{
    private RedisServer(string program)
        : base("redis") =>
        Start(
            new ProcessStartInfo(program, ["--bind", "127.0.0.1", "--port", $"{Port}", "--dir", Folder, "--save", "", "--appendonly", "no"]) { WorkingDirectory = Folder },
            () =>
            {
                using var client = new TcpClient("127.0.0.1", Port);
                client.GetStream().Write("PING\r\n"u8);
                client.GetStream().ReadByte();
            });

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Null: it is not installed.</summary>
    public static RedisServer? TryStart() => Optional.Find("redis-server") is { } program ? new RedisServer(program) : null;
}
