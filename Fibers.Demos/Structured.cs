namespace Fibers.Demos;

/// <summary>A group is a block of code: when it is left, nothing that began in it still runs, whichever way it is left.</summary>
internal static class Structured
{
    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 });
        runtime.Run(static () =>
        {
            Leave("All is well", static group =>
            {
                group.Spawn(() => Work("one", 1));
                group.Spawn(() => Work("two", 200));
            });
            Leave("One fails", static group =>
            {
                group.Spawn(() => Work("patient", 60_000));
                group.Spawn(() =>
                {
                    Fiber.Yield(); // the other begins
                    throw new InvalidOperationException("no");
                });
            });
            Leave("Time is up", static group =>
            {
                using FiberTimeout _ = Fiber.Timeout(TimeSpan.FromMilliseconds(50));
                group.Spawn(() => Work("patient", 60_000));
                group.Join();
            });
        });
        Claim.That(runtime.Statistics.Live == 0, "Each time the group was left only when its last fiber had ended. Nobody had to remember to cancel.");
    }

    private static void Leave(string what, Action<FiberGroup> body)
    {
        try
        {
            FiberGroup.Run(body);
            Console.WriteLine($"{what}: both have ended.");
        }
        catch (Exception failure) when (failure is AggregateException or TimeoutException)
        {
            Console.WriteLine($"{what}: the group throws {failure.GetType().Name}: {failure.Message}");
        }
    }

    private static void Work(string name, int milliseconds)
    {
        try
        {
            Thread.Sleep(milliseconds); // an ordinary blocking call; cancelling wakes it
            Console.WriteLine($"  {name} has ended");
        }
        catch (Exception) when (Fiber.Current!.CancellationToken.IsCancellationRequested)
        {
            Console.WriteLine($"  {name} was cancelled");
            throw;
        }
    }
}
