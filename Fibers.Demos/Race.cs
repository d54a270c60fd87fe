namespace Fibers.Demos;

/// <summary>A thousand additions, some lost. Fibers are not threads, but between a read and a write another one may run all the same, wherever something parks.</summary>
internal static class Race
{
    private const int Fibers = 10, Additions = 100, Expected = Fibers * Additions;

    private static readonly Lock s_gate = new();

    private static int s_count;

    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 });
        int careless = Count(runtime, static () =>
        {
            int seen = s_count;
            Fiber.Yield(); // anything that parks: a query, a log line
            s_count = seen + 1;
        });
        Claim.That(careless < Expected, $"read, park, write:      {careless} of {Expected:N0}. Whoever writes undoes what the others wrote since it read.");
        int careful = Count(runtime, static () =>
        {
            lock (s_gate)
            {
                int seen = s_count;
                Fiber.Yield(); // the others wait for the lock meanwhile, parked
                s_count = seen + 1;
            }
        });
        Claim.That(careful == Expected, $"the same under a lock:  {careful:N0} of {Expected:N0}. lock works as ever, across parks too.");
        var additions = new FiberChannel<int>();
        int owned = runtime.Run(() =>
        {
            using Fiber<int> owner = Fiber.SpawnConcurrent(() => additions.Sum());
            Count(runtime, () => additions.Send(1));
            additions.Close();
            return owner.Join();
        });
        Claim.That(owned == Expected, $"by messages:            {owned:N0} of {Expected:N0}. One fiber owns the number, the others tell it.");
    }

    private static int Count(FiberRuntime runtime, Action add)
    {
        s_count = 0;
        runtime.Run(() =>
        {
            Fiber[] all = [.. Enumerable.Range(0, Fibers).Select(_ => Fiber.SpawnConcurrent(() =>
            {
                for (int i = 0; i < Additions; i++)
                    add();
            }))];
            foreach (Fiber fiber in all)
                fiber.Join();
        });
        return s_count;
    }
}
