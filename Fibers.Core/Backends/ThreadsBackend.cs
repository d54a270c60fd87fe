namespace Fibers.Backends;

/// <summary>One kernel thread per fiber. Works wherever .NET does.</summary>
internal sealed class ThreadsBackend(int stackSize) : Backend
{
    public override FiberBackend Kind => FiberBackend.Threads;

    public override bool TrySpawn(Fiber fiber) => TryStart(fiber, out _);

    public override bool TrySpawnConcurrent(Fiber fiber, out string reason)
    {
        if (!TryStart(fiber, out reason))
            return false;
        FiberRuntime.ReportSpawned(fiber);
        return true;
    }

    public override void Dispose()
    {
    }

    private bool TryStart(Fiber fiber, out string reason)
    {
        try
        {
            var thread = new Thread(static argument => Main((Fiber)argument!), stackSize) { IsBackground = true };
            thread.UnsafeStart(fiber); // the fiber brings its own execution context
            reason = "";
            return true;
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            reason = $"no kernel thread can be had ({exception.Message})";
            return false;
        }
    }

    private static void Main(Fiber fiber)
    {
        if (fiber.TryBegin())
        {
            fiber.RunBody();
            fiber.Runtime.Ended(fiber).Run();
        }

        fiber.Runtime.Deadlocks.Look(); // from here on this thread wakes nobody. (Native: the watchdog looks)
    }
}
