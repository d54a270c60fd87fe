using System.Collections.Concurrent;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

/// <summary>To everything in .NET a fiber is a thread of its own, wherever it runs.</summary>
public class Identity
{
    private const int Fibers = 200;

    [ThreadStatic]
    private static int t_mine;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Thread_statics_belong_to_the_fiber(int carriers) => OnManyFibers(carriers, i =>
    {
        t_mine = i;
        for (int turn = 0; turn < 20; turn++)
        {
            Hop(turn);
            t_mine.ShouldBe(i);
        }
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void ThreadLocal_values_belong_to_the_fiber(int carriers)
    {
        using var local = new ThreadLocal<int[]>(static () => new int[1]);
        OnManyFibers(carriers, i =>
        {
            local.Value![0] = i;
            for (int turn = 0; turn < 20; turn++)
            {
                Hop(turn);
                local.Value![0].ShouldBe(i);
            }
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_current_thread_is_the_same_across_parks_and_carriers(int carriers) => OnManyFibers(carriers, i =>
    {
        Thread thread = Thread.CurrentThread;
        int id = Environment.CurrentManagedThreadId;
        id.ShouldBe(thread.ManagedThreadId);
        for (int turn = 0; turn < 20; turn++)
        {
            Hop(turn);
            Thread.CurrentThread.ShouldBeSameAs(thread);
            Environment.CurrentManagedThreadId.ShouldBe(id);
        }
    });

    [Fact]
    public void Fibers_move_between_carriers_while_all_this_holds() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(4);
        var carriers = new ConcurrentDictionary<(long Fiber, uint Carrier), bool>();
        Join([.. Enumerable.Range(0, Fibers).Select(_ => runtime.Spawn(() =>
        {
            for (int turn = 0; turn < 50; turn++)
            {
                carriers[(Fiber.Current!.Id, CurrentCarrier())] = true;
                Hop(turn);
            }
        }))]);
        carriers.Keys.GroupBy(static seen => seen.Fiber).Count(static fiber => fiber.Count() > 1).ShouldBeGreaterThan(0);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Managed_thread_ids_of_live_fibers_are_different(int carriers) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers);
        using var all = new CountdownEvent(Fibers);
        using var go = new ManualResetEventSlim();
        Fiber<int>[] fibers = [.. Enumerable.Range(0, Fibers).Select(_ => runtime.SpawnConcurrent(() =>
        {
            all.Signal();
            go.Wait(); // alive until everybody has looked
            return Environment.CurrentManagedThreadId;
        }))];
        all.Wait();
        go.Set();
        fibers.Select(static fiber => fiber.Join()).Append(Environment.CurrentManagedThreadId).Distinct().Count().ShouldBe(Fibers + 1);
    });

    [Fact]
    public void A_fibers_name_is_its_threads_name_and_does_not_stay_behind() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Spawn(() => Thread.CurrentThread.Name, new FiberOptions { Name = "worker" }).Join().ShouldBe("worker");
        runtime.Spawn(() => Thread.CurrentThread.Name).Join().ShouldBeNull();
    });

    [Fact]
    public void The_current_fiber_is_known_on_it_and_nowhere_else() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Fiber.Current.ShouldBeNull();
        Fiber? seen = null;
        Fiber fiber = runtime.Spawn(() =>
        {
            Fiber self = Fiber.Current!;
            Fiber.Spawn(() => Fiber.Current.ShouldNotBeSameAs(self)).Join();
            Fiber.Sleep(TimeSpan.FromMilliseconds(1));
            Fiber.Current.ShouldBeSameAs(self);
            seen = self;
        });
        fiber.Join();
        seen.ShouldBeSameAs(fiber);
        Fiber.Current.ShouldBeNull();
    });

    [Fact]
    public void A_fiber_is_a_background_thread_and_not_of_the_pool() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() => Thread.CurrentThread.IsThreadPoolThread).ShouldBeFalse();
        runtime.Run(() => Thread.CurrentThread.IsBackground).ShouldBeTrue();
    });

    private static void OnManyFibers(int carriers, Action<int> body) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers);
        Join([.. Enumerable.Range(0, Fibers).Select(i => runtime.Spawn(() => body(i)))]);
    });

    private static void Join(Fiber[] fibers)
    {
        foreach (Fiber fiber in fibers)
            fiber.Join();
    }

    // Every way of leaving a carrier in turn.
    private static void Hop(int turn)
    {
        switch (turn % 5)
        {
            case 0:
                Fiber.Sleep(TimeSpan.FromMilliseconds(1));
                break;
            case 1:
                Thread.Sleep(1);
                break;
            default:
                Fiber.Yield();
                break;
        }
    }

    private static unsafe uint CurrentCarrier() => VirtualThreads.VirtualThread.Current!.Native->Carrier->Index;
}
