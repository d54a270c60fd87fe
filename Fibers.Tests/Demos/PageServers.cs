using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>The web server that the demo fetches from.</summary>
public sealed class PageServers
{
    private const int Connections = 1000; // more than Kestrel's own backlog of 512

    [Fact]
    public void A_server_that_is_busy_keeps_a_thousand_connections_waiting_and_drops_none()
    {
        Assert.SkipUnless(int.Parse(File.ReadAllText("/proc/sys/net/core/somaxconn")) > Connections, "This kernel keeps fewer connections waiting (net.core.somaxconn).");
        using Process server = DemoProcess.Start("fetch", "--be-the-server", "0");
        var clients = new List<Socket>();
        try
        {
            var address = new Uri(server.StandardOutput.ReadLine()!);
            Signal(server, "STOP"); // from here nobody accepts
            for (int i = 0; i < Connections; i++)
            {
                clients.Add(new Socket(SocketType.Stream, ProtocolType.Tcp));
                _ = clients[i].ConnectAsync(IPAddress.Loopback, address.Port);
            }

            Eventually.True(() => clients.TrueForAll(static client => client.Connected), $"{Connections} connections are open");
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
            server.Kill();
        }
    }

    private static void Signal(Process process, string name)
    {
        using Process kill = Process.Start("kill", ["-s", name, process.Id.ToString()]);
        kill.WaitForExit();
        kill.ExitCode.ShouldBe(0);
    }
}
