namespace Fibers.Demos;

/// <summary>Two locks, taken in opposite order. Nobody can go on; the runtime notices, says who waits for whom, and ends the wait.</summary>
internal static class Deadlock
{
    public static void Run()
    {
        // Only the native backend sees who holds a lock. The runtime promises that nothing outside can wake its fibers: then "nobody can" is certain.
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1, SelfContained = true });
        object fork = new(), knife = new();
        try
        {
            runtime.Run(() => Dine((fork, knife), (knife, fork)));
        }
        catch (FiberDeadlockException deadlock)
        {
            Console.WriteLine(deadlock.Message);
        }

        using var another = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1, SelfContained = true });
        another.Run(() => Dine((fork = new(), knife = new()), (fork, knife)));
        Console.WriteLine("Both dined when both took the fork first: one order for all, and no circle can close.");
    }

    private static void Dine((object First, object Second) left, (object First, object Second) right)
    {
        Fiber[] philosophers = [Sit("left", left), Sit("right", right)];
        foreach (Fiber philosopher in philosophers)
            philosopher.Join();
    }

    private static Fiber Sit(string name, (object First, object Second) cutlery) => Fiber.SpawnConcurrent(() =>
    {
        lock (cutlery.First)
        {
            Fiber.Sleep(TimeSpan.FromMilliseconds(50)); // the other sits down
            lock (cutlery.Second)
            {
            }
        }
    }, new FiberOptions { Name = name });
}
