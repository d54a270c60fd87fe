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
            Fiber.Await(EndedOnceWeWait());
            object? kept = Parker.Current.Kept;
            kept.ShouldBeOfType<TaskWaker>();
            Fiber.Await(EndedOnceWeWait());
            Parker.Current.Kept.ShouldBeSameAs(kept);
        });
    });

    [Fact]
    public void One_that_a_task_may_still_call_is_left_to_it_and_ends_no_later_park() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() =>
        {
            TaskCompletionSource late = new(), next = new();
            Fiber waiting = Fiber.Spawn(() =>
            {
                Should.Throw<OperationCanceledException>(() => Fiber.Await(late.Task));
                Parker.Current.Kept.ShouldBeNull();
                Fiber.Await(next.Task);
            });
            Eventually.True(() => WaitsForTask(waiting), "it waits");
            ulong first = waiting.VirtualThread!.State.Number;
            waiting.RequestCancel();
            Eventually.True(() => WaitsForTask(waiting) && waiting.VirtualThread!.State.Number != first, "it waits for the next");
            ParkWord before = waiting.VirtualThread!.State;
            late.SetResult(); // calls the first waker here
            waiting.VirtualThread!.State.ShouldBe(before);
            next.SetResult();
            waiting.Join();
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
                TaskCompletionSource? canceled = null; // once for each: a second request would wake who has missed its task's end
                while (waiting.Status is FiberStatus.Created or FiberStatus.Running)
                {
                    if (Volatile.Read(ref current) is var source && source != canceled)
                        waiting.RequestCancel();
                    canceled = source;
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

    private static Task EndedOnceWeWait()
    {
        var source = new TaskCompletionSource();
        Fiber waiting = Fiber.Current!;
        Fiber.Spawn(() =>
        {
            Eventually.True(() => WaitsForTask(waiting), "it waits");
            source.SetResult();
        });
        return source.Task;
    }

    private static bool WaitsForTask(Fiber fiber) => FiberState.IsParked(fiber) && fiber.VirtualThread!.ParkedReason == ParkReason.Task;
}
