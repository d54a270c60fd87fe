using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class Unobserved
{
    [Fact]
    public void An_exception_that_nobody_joined_names_its_fiber_and_who_spawned_it() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        var seen = new ConcurrentQueue<UnobservedFiberExceptionEventArgs>();
        runtime.UnobservedException += (_, arguments) => seen.Enqueue(arguments);
        long parent = SpawnAndForget(runtime);
        Eventually.True(() =>
        {
            runtime.Run(static () => { }); // the carrier's frames must not keep the last fiber alive
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !seen.IsEmpty;
        }, "the event was raised");
        UnobservedFiberExceptionEventArgs only = seen.ShouldHaveSingleItem();
        only.Fiber.ShouldContain("\"lost\"");
        only.SpawnedBy.ShouldBe($"Fiber {parent} \"careless\"");
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long SpawnAndForget(FiberRuntime runtime)
    {
        Fiber parent = runtime.SpawnConcurrent(static () =>
        {
            Fiber.SpawnConcurrent(static () => throw new InvalidDataException("forgotten"), new FiberOptions { Name = "lost" });
        }, new FiberOptions { Name = "careless" });
        parent.Join();
        Eventually.True(() => runtime.Statistics.Ended == 2, "both have ended");
        return parent.Id;
    }
}
