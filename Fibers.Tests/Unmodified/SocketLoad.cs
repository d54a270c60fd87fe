using System.Net.Sockets;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class SocketLoad
{
    private const int Clients = 1_000;
    private const int Rounds = 5;
    private const int SpareThreads = 16; // what the design allows beside the carriers

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_thousand_blocking_clients_share_a_few_kernel_threads(int carriers) => Bounded.Run(() =>
    {
        using var sampler = new ThreadSampler();
        using (FiberRuntime runtime = Runtimes.Native(carriers))
        using (var server = new EchoServer(runtime))
        {
            object monitor = new();
            long bytes = 0;
            Fiber[] clients = [.. Enumerable.Range(0, Clients).Select(i => runtime.SpawnConcurrent(() =>
            {
                using var client = new TcpClient();
                client.Connect(server.Address);
                NetworkStream stream = client.GetStream();
                for (int round = 0; round < Rounds; round++)
                {
                    int echoed = RoundTrip(stream, i, round);
                    Wait(i + round);
                    lock (monitor)
                    {
                        long seen = bytes;
                        if (i % 10 == 0)
                            Thread.Sleep(0);
                        bytes = seen + echoed;
                    }
                }
            }))];
            foreach (Fiber client in clients)
                client.Join();
            bytes.ShouldBe(Enumerable.Range(0, Clients).Sum(static i => Enumerable.Range(0, Rounds).Sum(round => (long)Length(i, round))));
        }

        sampler.Peak.ShouldBeLessThanOrEqualTo(sampler.Baseline + carriers + SpareThreads, sampler.AtPeak);
    });

    private static void Wait(int turn)
    {
        switch (turn % 3)
        {
            case 0:
                Thread.Sleep(2);
                break;
            case 1:
                Task.Delay(2).Wait();
                break;
        }
    }

    private static int RoundTrip(NetworkStream stream, int client, int round)
    {
        byte[] sent = new byte[Length(client, round)];
        new Random(client * Rounds + round).NextBytes(sent);
        stream.Write(sent);
        byte[] received = new byte[sent.Length];
        stream.ReadExactly(received);
        received.ShouldBe(sent);
        return sent.Length;
    }

    private static int Length(int client, int round) => 1 + (client * 7 + round * 131) % 900;
}
