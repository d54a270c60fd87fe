using System.IO.Pipes;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class Pipes
{
    private const int MoreThanThePipeHolds = 1024 * 1024;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void More_than_the_pipe_holds_passes_between_two_fibers(int carriers) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers);
        using var reading = new AnonymousPipeServerStream(PipeDirection.In);
        byte[] data = new byte[MoreThanThePipeHolds];
        new Random(1).NextBytes(data);
        Fiber writer = runtime.SpawnConcurrent(() =>
        {
            using var writing = new AnonymousPipeClientStream(PipeDirection.Out, reading.ClientSafePipeHandle);
            writing.Write(data);
        });
        Fiber<byte[]> reader = runtime.SpawnConcurrent(() =>
        {
            byte[] received = new byte[data.Length];
            reading.ReadExactly(received);
            return received;
        });
        writer.Join();
        reader.Join().AsSpan().SequenceEqual(data).ShouldBeTrue();
    });

    [Fact]
    public void A_reader_gets_the_end_of_the_stream_when_the_writer_closes() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var reading = new AnonymousPipeServerStream(PipeDirection.In);
        var writing = new AnonymousPipeClientStream(PipeDirection.Out, reading.ClientSafePipeHandle);
        Fiber<int> reader = runtime.SpawnConcurrent(() => reading.ReadByte());
        Eventually.True(() => FiberState.IsParked(reader), "the reader is parked");
        writing.Dispose();
        reader.Join().ShouldBe(-1);
    });

    [Fact]
    public void Many_pipes_pass_a_token_round_a_ring() => Bounded.Run(() =>
    {
        const int stations = 50, laps = 20;
        using FiberRuntime runtime = Runtimes.Native(2);
        AnonymousPipeServerStream[] ends = [.. Enumerable.Range(0, stations).Select(static _ => new AnonymousPipeServerStream(PipeDirection.In))];
        AnonymousPipeClientStream[] starts = [.. ends.Select(static end => new AnonymousPipeClientStream(PipeDirection.Out, end.ClientSafePipeHandle))];
        Fiber[] fibers = [.. Enumerable.Range(0, stations).Select(i => runtime.SpawnConcurrent(() =>
        {
            for (int lap = 0; lap < laps; lap++)
            {
                int token = ends[i].ReadByte();
                token.ShouldBe(lap);
                bool last = i == stations - 1;
                if (!last || lap < laps - 1)
                    starts[(i + 1) % stations].WriteByte((byte)(last ? lap + 1 : lap));
            }
        }))];
        starts[0].WriteByte(0);
        foreach (Fiber fiber in fibers)
            fiber.Join();
        foreach (AnonymousPipeClientStream start in starts)
            start.Dispose();
        foreach (AnonymousPipeServerStream end in ends)
            end.Dispose();
    });
}
