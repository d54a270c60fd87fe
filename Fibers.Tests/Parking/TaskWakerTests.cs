using Fibers.Parking;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Parking;

public class TaskWakerTests
{
    [Fact]
    public void A_fiber_waits_for_the_next_task_with_the_same_one() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() =>
        {
            Fiber.Await(EndedByAnother());
            object? kept = Parker.Current.Kept;
            kept.ShouldBeOfType<TaskWaker>();
            Fiber.Await(EndedByAnother());
            Parker.Current.Kept.ShouldBeSameAs(kept);
        });
    });

    [Fact]
    public void One_that_a_task_may_still_call_is_left_to_it() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() =>
        {
            var never = new TaskCompletionSource();
            Fiber waiting = Fiber.Spawn(() =>
            {
                Should.Throw<OperationCanceledException>(() => Fiber.Await(never.Task));
                Parker.Current.Kept.ShouldBeNull();
            });
            Eventually.True(() => FiberState.IsParked(waiting), "it waits");
            waiting.RequestCancel();
            waiting.Join();
            never.SetResult();
        });
    });

    // The end of one task, a cancellation and the beginning of the next wait meet.
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void No_end_of_a_task_is_missed_among_cancellations(int carriers) => Bounded.Run(() =>
    {
        const int Rounds = 20_000;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        int delivered = 0;
        runtime.Run(() =>
        {
            TaskCompletionSource current = new();
            Fiber waiting = Fiber.SpawnConcurrent(() =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    TaskCompletionSource source = Volatile.Read(ref current);
                    while (!source.Task.IsCompleted)
                    {
                        try
                        {
                            Fiber.Await(source.Task);
                        }
                        catch (OperationCanceledException)
                        {
                            delivered++;
                        }
                    }

                    Volatile.Write(ref current, new TaskCompletionSource());
                }
            });
            Fiber cancelling = Fiber.SpawnConcurrent(() =>
            {
                while (waiting.Status is FiberStatus.Created or FiberStatus.Running)
                {
                    waiting.RequestCancel();
                    Fiber.Yield();
                }
            });
            while (waiting.Status is FiberStatus.Created or FiberStatus.Running)
            {
                Volatile.Read(ref current).TrySetResult();
                Fiber.Yield();
            }

            cancelling.Join();
            waiting.Status.ShouldBe(FiberStatus.Succeeded);
        });
        delivered.ShouldBeGreaterThan(0);
    });

    private static Task EndedByAnother()
    {
        var source = new TaskCompletionSource();
        Fiber.Spawn(source.SetResult);
        return source.Task;
    }
}
