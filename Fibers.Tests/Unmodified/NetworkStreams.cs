using System.Net.Sockets;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="NetworkStream"/>, with readers and writers over it as libraries use it.</summary>
public class NetworkStreams
{
    [Fact]
    public void Hundreds_of_fibers_talk_in_lines_over_network_streams() => ManyFibers.Run(200, static i =>
    {
        using var pair = new LoopbackPair();
        Fiber far = Fiber.SpawnConcurrent(() =>
        {
            using var stream = new NetworkStream(pair.Far, ownsSocket: true);
            using var reader = new StreamReader(stream);
            using var writer = new StreamWriter(stream) { AutoFlush = true };
            while (reader.ReadLine() is { } line)
                writer.WriteLine($"{line} back");
        });
        using (var stream = new NetworkStream(pair.Near))
        using (var reader = new StreamReader(stream))
        {
            var writer = new StreamWriter(stream) { AutoFlush = true };
            for (int round = 0; round < 5; round++)
            {
                writer.WriteLine($"{i}:{round}");
                reader.ReadLine().ShouldBe($"{i}:{round} back");
            }

            pair.Near.Shutdown(SocketShutdown.Send);
            reader.ReadLine().ShouldBeNull();
        }

        far.Join();
    });

    [Fact]
    public void A_read_timeout_of_a_network_stream_is_an_IOException() => ManyFibers.Run(200, static _ =>
    {
        using var pair = new LoopbackPair();
        using var stream = new NetworkStream(pair.Near) { ReadTimeout = 20 };
        Should.Throw<IOException>(() => stream.ReadByte()).InnerException.ShouldBeOfType<SocketException>().SocketErrorCode.ShouldBe(SocketError.TimedOut);
    });
}
