namespace Fibers.Demos;

/// <summary>A fast producer and a slow consumer. What is in between grows without end, unless it has a size: then the fast one waits.</summary>
internal static class BackPressure
{
    private const int Items = 200, Room = 4;

    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 });
        int unbounded = runtime.Run(static () => Pump(FiberChannel<int>.Unbounded()));
        Claim.That(unbounded > Items / 2, $"A channel without a limit: more than half of the {Items} items lay in it at once. With more items, or larger ones, the memory ends first.");
        int bounded = runtime.Run(static () => Pump(new FiberChannel<int>(Room)));
        Claim.That(bounded <= Room, $"A channel of {Room}: never more than {Room}. A full channel parks whoever sends, so the producer goes as fast as the consumer.");
    }

    // The most that ever lay in the channel.
    private static int Pump(FiberChannel<int> channel)
    {
        int most = 0;
        using Fiber producer = Fiber.SpawnConcurrent(() =>
        {
            for (int i = 0; i < Items; i++)
            {
                channel.Send(i);
                most = Math.Max(most, channel.Count);
            }

            channel.Close();
        });
        foreach (int _ in channel)
            Fiber.Sleep(TimeSpan.FromMilliseconds(1)); // slow work
        producer.Join();
        return most;
    }
}
