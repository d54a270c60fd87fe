using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="SslStream"/>, both ends on fibers.</summary>
public class SslStreams
{
    [Fact]
    public void Hundreds_of_fibers_shake_hands_and_talk_over_tls()
    {
        using X509Certificate2 certificate = SelfSigned.Certificate();
        ManyFibers.Run(100, i =>
        {
            using var pair = new LoopbackPair();
            byte[] data = new byte[40_000]; // several records
            new Random(i).NextBytes(data);
            Fiber server = Fiber.SpawnConcurrent(() =>
            {
                using var stream = new SslStream(new NetworkStream(pair.Far));
                stream.AuthenticateAsServer(certificate);
                byte[] received = new byte[data.Length];
                stream.ReadExactly(received);
                stream.Write(received);
            });
            using (var stream = new SslStream(new NetworkStream(pair.Near), false, (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString()))
            {
                stream.AuthenticateAsClient("localhost");
                stream.IsEncrypted.ShouldBeTrue();
                stream.Write(data);
                byte[] answer = new byte[data.Length];
                stream.ReadExactly(answer);
                answer.AsSpan().SequenceEqual(data).ShouldBeTrue();
            }

            server.Join();
        });
    }
}
