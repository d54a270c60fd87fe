using System.Threading.Channels;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>Two send a number to and fro over a pair of channels with one place each.</summary>
internal sealed class ChannelPingPong : Question
{
    public override string Name => "channel";
    public override string Asks => "Channel ping-pong, there and back";
    public override string Unit => "ns";

    public override Contest Prepare(Effort effort)
    {
        int times = effort.Times(300_000);
        FiberRuntime one = Runtimes.With(1), two = Runtimes.With(2);
        return new Contest([
            new Contender("FiberChannel, one carrier", () => Fibers(one, times), () => FiberUse.Of(one)),
            new Contender("FiberChannel, two carriers", () => Fibers(two, times), () => FiberUse.Of(two)),
            new Contender("System.Threading.Channels", () => Tasks(times)),
            .. GoTwin.Contender("Go, GOMAXPROCS=1", "channel", $"{times}", "1"),
        ]);
    }

    private static Figure Fibers(FiberRuntime runtime, int times) => runtime.Run(() =>
    {
        var there = new FiberChannel<int>(1);
        var back = new FiberChannel<int>(1);
        Fiber other = Fiber.Spawn(() => Timed.InParts(times, part =>
        {
            for (int i = 0; i < part; i++)
                back.Send(there.Receive());
        }));
        Figure figure = Timed.PerOperation(times, () => Timed.InParts(times, part =>
        {
            for (int i = 0; i < part; i++)
            {
                there.Send(i);
                if (back.Receive() != i)
                    throw new InvalidOperationException("Another number came back.");
            }
        }));
        other.Join();
        return figure;
    });

    private static Figure Tasks(int times)
    {
        var there = Channel.CreateBounded<int>(1);
        var back = Channel.CreateBounded<int>(1);
        Task other = Task.Run(async () =>
        {
            for (int i = 0; i < times; i++)
                await back.Writer.WriteAsync(await there.Reader.ReadAsync());
        });
        return Timed.PerOperation(times, () =>
        {
            Task.Run(async () =>
            {
                for (int i = 0; i < times; i++)
                {
                    await there.Writer.WriteAsync(i);
                    if (await back.Reader.ReadAsync() != i)
                        throw new InvalidOperationException("Another number came back.");
                }
            }).Wait();
            other.Wait();
        });
    }
}
