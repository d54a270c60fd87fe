using Fibers.Tests.Support;

namespace Fibers.Tests.Diagnostics;

/// <summary>A run that does a little of everything that is counted.</summary>
internal static class MixedRun
{
    public static void On(FiberRuntime runtime)
    {
        var channel = new FiberChannel<int>();
        Fiber[] fibers = [.. Enumerable.Range(0, 100).Select(i => runtime.SpawnConcurrent(() =>
        {
            Fiber.Yield();
            Fiber.Sleep(TimeSpan.FromMilliseconds(i % 3));
            Thread.Sleep(1);
            if (i % 2 == 0)
                channel.Send(i);
            else
                channel.Receive();
            Fiber.Spawn(static () => { }).Join(); // inline when the limit is reached
        }))];
        foreach (Fiber fiber in fibers)
            fiber.Join();
        Eventually.True(() => runtime.Statistics is { Live: 0 } statistics && statistics.Ended == statistics.Spawned, "every fiber has ended");
    }
}
