using Fibers.Diagnostics;
using Fibers.Tests.Support;
using Fibers.VirtualThreads;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

/// <summary>A fiber that ends hands its carrier straight to the one that joins it, and that one completes the end.</summary>
public class EndByHand
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Whoever_has_joined_the_last_one_may_always_start_another(int carriers) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers, maxFibers: 2);
        runtime.Run(() => Stress.For(0.3, () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                Fiber.SpawnConcurrent(static () => { }).Join();
                Fiber.Spawn(static () => { }).Join();
            }
        }));
        FiberStatistics statistics = runtime.Statistics;
        statistics.InlineForLimit.ShouldBe(0, "a permit was free each time");
        statistics.VirtualThreadsCreated.ShouldBe(2, "the virtual thread was back in the pool before the joiner went on");
        statistics.Ended.ShouldBe(statistics.Spawned);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Tasks_and_timed_and_cancelled_joins_that_come_as_it_ends_are_all_told(int carriers) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers);
        runtime.Run(() => Stress.For(0.4, () => EndBeforeAnAudience(runtime)));
        runtime.Statistics.Live.ShouldBe(0);
    });

    // The body ends while one fiber joins it, another thread asks for a task, and others join for a moment only or give up.
    private static void EndBeforeAnAudience(FiberRuntime runtime)
    {
        for (int i = 0; i < 50; i++)
        {
            Fiber<int> ending = runtime.Spawn(() =>
            {
                Fiber.Yield();
                return i;
            });
            Fiber<int> joiner = runtime.Spawn(() => ending.Join());
            Fiber<bool> timed = runtime.Spawn(() => ending.Join(TimeSpan.FromTicks(i)) || ending.Join() == i);
            Fiber cancelled = runtime.Spawn(() => ending.Join());
            Task<int> asked = Task.Run(async () => await ending.AsTask());
            cancelled.RequestCancel();
            joiner.Join().ShouldBe(i);
            timed.Join().ShouldBeTrue();
            asked.Wait();
            asked.Result.ShouldBe(i);
            try
            {
                cancelled.Join();
            }
            catch (OperationCanceledException)
            {
                cancelled.Status.ShouldBe(FiberStatus.Canceled);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void What_is_asked_for_in_the_middle_of_the_hand_over_is_done_on_the_carriers_own_stack(int carriers) => Bounded.Run(() =>
    {
        const int Rounds = 2000;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        var latecomer = new Latecomer(runtime);
        Probe.Attach(latecomer);
        try
        {
            runtime.Run(() =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    Thread.CurrentThread.Interrupt(); // would come in at any lock the heir had to wait for
                    Fiber.Spawn(static () => { }).Join();
                    Should.Throw<ThreadInterruptedException>(static () => Thread.Sleep(1));
                }
            });
        }
        finally
        {
            Probe.Detach(latecomer);
        }

        Eventually.True(() => latecomer.Done == latecomer.Asked, "every late wish is fulfilled");
        latecomer.Asked.ShouldBeGreaterThanOrEqualTo(Rounds);
        latecomer.DoneOnFibers.ShouldBe(0);
    });

    // Wishes to be told of the end when the end has begun: the fiber that ended found one joiner and no more, and has handed over.
    private sealed class Latecomer(FiberRuntime runtime) : Probe
    {
        private int _asked, _done, _doneOnFibers;

        public int Asked => Volatile.Read(ref _asked);

        public int Done => Volatile.Read(ref _done);

        public int DoneOnFibers => Volatile.Read(ref _doneOnFibers);

        public override void Ended(Fiber fiber)
        {
            if (fiber.Runtime != runtime)
                return;
            Interlocked.Increment(ref _asked);
            fiber.OnEnd(() =>
            {
                if (VirtualThread.Current is not null)
                    Interlocked.Increment(ref _doneOnFibers);
                Interlocked.Increment(ref _done);
            });
        }
    }
}
