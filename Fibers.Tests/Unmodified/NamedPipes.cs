using System.IO.Pipes;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary>Named pipes: those of .NET (Unix sockets underneath) and those of the file system.</summary>
public class NamedPipes
{
    [Fact]
    public void Hundreds_of_fibers_talk_over_named_pipes() => ManyFibers.Run(150, static i =>
    {
        string name = $"fibers-{Environment.ProcessId}-{i}";
        using var server = new NamedPipeServerStream(name, PipeDirection.InOut);
        Fiber far = Fiber.SpawnConcurrent(() =>
        {
            server.WaitForConnection();
            byte[] received = new byte[sizeof(int)];
            server.ReadExactly(received);
            server.Write(received);
        });
        using (var client = new NamedPipeClientStream(".", name, PipeDirection.InOut))
        {
            client.Connect();
            client.Write(BitConverter.GetBytes(i));
            byte[] answer = new byte[sizeof(int)];
            client.ReadExactly(answer);
            BitConverter.ToInt32(answer).ShouldBe(i);
        }

        far.Join();
    });

    [Fact]
    public void A_fifo_keeps_its_opener_parked_until_the_other_end_is_opened()
    {
        using var paths = new FilePaths(uring: true);
        // Openers wait on the shim's pool, which is bounded: pairs come one after another.
        ManyFibers.Run(100, i =>
        {
            string path = paths.File(i);
            MakeFifo(path);
            Fiber writer = Fiber.SpawnConcurrent(() => File.WriteAllText(path, $"through {i}"));
            File.ReadAllText(path).ShouldBe($"through {i}");
            writer.Join();
        });
    }

    private static void MakeFifo(string path) => mkfifo(path, 0b110_000_000).ShouldBe(0);

    [System.Runtime.InteropServices.DllImport("libc", SetLastError = true)]
    private static extern int mkfifo(string path, uint mode);
}
