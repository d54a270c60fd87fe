using System.Diagnostics;
using System.Net.Sockets;

namespace Fibers.Servers;

/// <summary>A Redis of our own, in memory only.</summary>
public sealed class RedisServer : ServerProcess
{
    private const string Program = "/usr/bin/redis-server";

    private RedisServer()
        : base("redis") =>
        Start(
            new ProcessStartInfo(Program, ["--bind", "127.0.0.1", "--port", $"{Port}", "--dir", Folder, "--save", "", "--appendonly", "no"]) { WorkingDirectory = Folder },
            () =>
            {
                using var client = new TcpClient("127.0.0.1", Port);
                client.GetStream().Write("PING\r\n"u8);
                client.GetStream().ReadByte();
            });

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Null: it is not installed.</summary>
    public static RedisServer? TryStart() => File.Exists(Program) ? new RedisServer() : null;
}
