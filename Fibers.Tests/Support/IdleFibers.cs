using Fibers.Scheduling;

namespace Fibers.Tests.Support;

/// <summary>Handles that never run: something to put into queues.</summary>
internal static class IdleFibers
{
    private static readonly FiberRuntime s_runtime = new(new FiberRuntimeOptions { Backend = FiberBackend.Inline });

    public static Fiber[] Make(int count) => [.. Enumerable.Range(0, count).Select(static _ => Fiber.Create(s_runtime, static () => { }, null))];

    public static List<Fiber> Drain(RunQueue queue)
    {
        var fibers = new List<Fiber>();
        while (queue.Pop() is { } fiber)
            fibers.Add(fiber);
        return fibers;
    }

    public static List<Fiber> Drain(InjectQueue queue)
    {
        var fibers = new List<Fiber>();
        while (queue.Pop() is { } fiber)
            fibers.Add(fiber);
        return fibers;
    }
}
