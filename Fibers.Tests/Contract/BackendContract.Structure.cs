using System.Runtime.CompilerServices;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Fibers that live and end together.
public abstract partial class BackendContract
{
    [Fact]
    public void Leaving_a_group_waits_for_all() => OnAFiber(() =>
    {
        int done = 0;
        FiberGroup.Run(group =>
        {
            for (int i = 0; i < 20; i++)
                group.Spawn(() =>
                {
                    Fiber.Sleep(TimeSpan.FromMilliseconds(1));
                    Interlocked.Increment(ref done);
                });
        });
        done.ShouldBe(20);
        FiberGroup.Run(_ => "value").ShouldBe("value");
    });

    [Fact]
    public void The_first_failure_cancels_the_rest_and_the_body_where_it_waits() => OnAConcurrentFiber(() =>
    {
        Fiber.SpawnConcurrent(() => { }).Join(); // where it is refused, here: a group would wrap it
        int canceled = 0;
        bool bodyWentOn = false;
        AggregateException thrown = Should.Throw<AggregateException>(() => FiberGroup.Run(group =>
        {
            for (int i = 0; i < 5; i++)
                group.SpawnConcurrent(() =>
                {
                    try
                    {
                        Thread.Sleep(s_long);
                    }
                    finally
                    {
                        Interlocked.Increment(ref canceled);
                    }
                });
            group.SpawnConcurrent(Throw);
            Fiber.Sleep(s_long);
            bodyWentOn = true;
        }));
        thrown.InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<InvalidDataException>();
        bodyWentOn.ShouldBeFalse();
        canceled.ShouldBeLessThanOrEqualTo(5); // those that had begun
        Fiber.ThrowIfCanceled();               // the caller itself is not cancelled
        Thread.Sleep(1);
    });

    [Fact]
    public void A_failing_body_cancels_the_members() => OnAConcurrentFiber(() =>
    {
        Fiber.SpawnConcurrent(() => { }).Join(); // where it is refused, here: a group would wrap it
        Fiber? member = null;
        AggregateException thrown = Should.Throw<AggregateException>(() => FiberGroup.Run(group =>
        {
            member = group.SpawnConcurrent(() => Thread.Sleep(s_long));
            Throw();
        }));
        thrown.InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<InvalidDataException>();
        member!.Status.ShouldBe(FiberStatus.Canceled);
    });

    [Fact]
    public void A_body_that_joins_the_member_that_fails_reports_it_once() => OnAFiber(() =>
    {
        AggregateException thrown = Should.Throw<AggregateException>(() => FiberGroup.Run(group => group.Spawn(Throw).Join()));
        thrown.InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<InvalidDataException>();
    });

    [Fact]
    public void A_body_that_joins_a_member_cancelled_by_a_failure_reports_the_failure() => OnAConcurrentFiber(() =>
    {
        Fiber.SpawnConcurrent(() => { }).Join(); // where it is refused, here: a group would wrap it
        AggregateException thrown = Should.Throw<AggregateException>(() => FiberGroup.Run(group =>
        {
            Fiber waits = group.SpawnConcurrent(() => Thread.Sleep(s_long));
            group.SpawnConcurrent(Throw);
            Fiber.Shield(waits.Join); // it must not meet the failure in another way
        }));
        thrown.InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<InvalidDataException>();
    });

    [Fact]
    public void After_a_failure_no_member_begins_even_where_members_run_inline() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Make(maxFibers: 1); // for the body
        runtime.Run(() =>
        {
            var ran = new List<int>();
            Should.Throw<AggregateException>(() => FiberGroup.Run(group =>
            {
                for (int i = 0; i < 10; i++)
                {
                    int n = i;
                    group.Spawn(() => FailAtThree(ran, n));
                }
            }));
            ran.ShouldBe([0, 1, 2, 3]);
            ran.Clear();
            Should.Throw<AggregateException>(() => Fiber.ForEach(Enumerable.Range(0, 1_000), 3, n => FailAtThree(ran, n)));
            ran.ShouldBe([0, 1, 2, 3]);
        });
        Eventually.True(() => runtime.Statistics.Spawned == runtime.Statistics.Ended, "nothing is left");
    });

    private static void FailAtThree(List<int> ran, int n)
    {
        ran.Add(n);
        if (n == 3)
            Throw();
    }

    [Fact]
    public void ForEach_ends_when_items_are_cancelled_before_they_begin() => OnAFiber(() =>
    {
        for (int round = 0; round < 20; round++)
        {
            AggregateException thrown = Should.Throw<AggregateException>(() => Fiber.ForEach(Enumerable.Range(0, 100), 3, static n =>
            {
                if (n == 4)
                    Throw();
            }));
            thrown.InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<InvalidDataException>();
        }
    });

    [Fact]
    public void A_failure_in_a_group_that_nobody_joined_is_not_lost() => OnARuntime(runtime =>
    {
        int reported = 0;
        runtime.UnobservedException += (_, report) => Interlocked.Add(ref reported, report.Exception is InvalidDataException ? 1 : 0);
        LeaveWithoutJoin(runtime);
        Eventually.True(() =>
        {
            runtime.Run(() => { }); // unoptimized code keeps the last fiber of each stack
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Volatile.Read(ref reported) == 1;
        }, "the failure is reported");
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LeaveWithoutJoin(FiberRuntime runtime)
    {
        using var group = new FiberGroup(runtime);
        group.Spawn(Throw);
        Eventually.True(() => group.Count == 0, "it has ended");
    }

    [Fact]
    public void An_interrupted_thread_disposes_to_the_end_and_is_interrupted_after_that() => OnAConcurrentRuntime(runtime =>
    {
        using var group = new FiberGroup(runtime);
        Action[] disposals = [runtime.SpawnConcurrent(EndSlowly).Dispose, group.Dispose];
        group.SpawnConcurrent(EndSlowly);
        WaitUntilParked(group.Members());
        foreach (Action dispose in disposals)
        {
            bool interrupted = false;
            Exception? thrown = null;
            var caller = new Thread(() =>
            {
                thrown = Record.Exception(dispose);
                interrupted = Record.Exception(static () => Thread.Sleep(0)) is ThreadInterruptedException;
            });
            caller.Start();
            Eventually.True(() => caller.ThreadState.HasFlag(ThreadState.WaitSleepJoin), "it waits");
            caller.Interrupt();
            caller.Join();
            (thrown, interrupted).ShouldBe((null, true));
        }

        group.Count.ShouldBe(0);
    });

    private static void EndSlowly()
    {
        try
        {
            Thread.Sleep(s_long);
        }
        finally
        {
            Fiber.Shield(static () => Fiber.Sleep(TimeSpan.FromMilliseconds(50)));
        }
    }

    [Fact]
    public void An_async_body_is_refused_with_advice() => OnARuntime(runtime =>
    {
        Action[] attempts =
        [
            () => runtime.Spawn(async () => await Task.Yield()),
            () => runtime.Spawn(static () => new ValueTask<int>(1)),
            () => runtime.SpawnConcurrent(async () => await Task.FromResult(1)),
            () => runtime.Run(async () => await Task.Yield()),
            () => runtime.Run(static () => FiberGroup.Run(async _ => await Task.Yield())),
            () => runtime.Run(static () => Fiber.All(async () => await Task.Yield())),
            () => runtime.Run(static () => Fiber.ForEach([1], 1, async _ => await Task.Yield())),
        ];
        foreach (Action attempt in attempts)
            Should.Throw<Exception>(attempt).GetBaseException().ShouldBeOfType<ArgumentException>().Message.ShouldContain("Fiber.Await(");
        runtime.Run(static () => Fiber.Await(Task.FromResult(42))).ShouldBe(42);
    });

    [Fact]
    public void Every_failure_is_reported() => OnAFiber(() =>
    {
        using var group = new FiberGroup();
        var gate = new FiberChannel<bool>(3);
        for (int i = 0; i < 3; i++)
            gate.Send(true);
        for (int i = 0; i < 3; i++)
            group.Spawn(() => Fiber.Shield(() =>
            {
                gate.Receive();
                throw new InvalidDataException();
            }));
        AggregateException thrown = Should.Throw<AggregateException>(group.Join);
        // Those that had not begun when the first one failed were cancelled instead.
        thrown.InnerExceptions.Count.ShouldBeInRange(1, 3);
        thrown.InnerExceptions.ShouldAllBe(static inner => inner is InvalidDataException);
        thrown.InnerExceptions.Count.ShouldBe(3 - gate.Count);
        group.IsCanceled.ShouldBeTrue();
    });

    [Fact]
    public void Nothing_outlives_a_group() => OnARuntime(runtime =>
    {
        Fiber? member = null;
        FiberGroup? left = null;
        runtime.Run(() =>
        {
            using var group = left = new FiberGroup();
            member = group.Spawn(() => Fiber.Sleep(HasConcurrency ? s_long : TimeSpan.Zero));
        });
        (member!.Status is FiberStatus.Canceled or FiberStatus.Succeeded).ShouldBeTrue();
        left!.Count.ShouldBe(0);
        Should.Throw<ObjectDisposedException>(() => left.Spawn(() => { }));
    });

    [Fact]
    public void A_group_that_lives_long_does_not_grow() => OnAFiber(() =>
    {
        using var group = new FiberGroup();
        for (int i = 0; i < 1_000; i++)
            group.Spawn(() => { }).Join();
        Eventually.True(() => group.Count == 0, "members have left the group");
        group.Join();
    });

    [Fact]
    public void A_cancelled_parent_cancels_the_children_and_waits_for_them() => OnAConcurrentRuntime(runtime =>
    {
        Fiber? child = null;
        Fiber parent = runtime.SpawnConcurrent(() => FiberGroup.Run(group =>
        {
            child = group.SpawnConcurrent(() => Thread.Sleep(s_long));
            group.SpawnConcurrent(() => Fiber.Sleep(s_long));
        }));
        Eventually.True(() => child is not null && FiberState.IsWaiting(child), "the child waits");
        Should.Throw<OperationCanceledException>(parent.Cancel);
        parent.Status.ShouldBe(FiberStatus.Canceled);
        child!.Status.ShouldBe(FiberStatus.Canceled);
        ShouldBecomeEmpty(runtime);
    });

    [Fact]
    public void All_returns_the_values_in_order_and_fails_with_the_first_failure() => OnAFiber(() =>
    {
        Fiber.All(() => 1, () => 2, () => 3).ShouldBe([1, 2, 3]);
        int ran = 0;
        Fiber.All(() => Interlocked.Increment(ref ran), () => Interlocked.Increment(ref ran));
        ran.ShouldBe(2);
        Should.Throw<AggregateException>(() => Fiber.All(Throw)).InnerException.ShouldBeOfType<InvalidDataException>();
    });

    [Fact]
    public void Any_takes_the_first_success_and_First_the_first_end() => OnAFiber(() =>
    {
        Fiber.Any(Fail, () => 7).ShouldBe(7);
        Should.Throw<AggregateException>(() => Fiber.Any<int>(Fail, Fail)).InnerExceptions.Count.ShouldBe(2);
        Fiber.First(() => 7).ShouldBe(7);
        Should.Throw<InvalidDataException>(() => Fiber.First<int>(Fail));
        if (HasConcurrency)
            Fiber.Any(() => Slow(1), () => 2).ShouldBe(2); // the slow one is cancelled, not waited out

        static int Fail() => throw new InvalidDataException();
        static int Slow(int value)
        {
            Thread.Sleep(s_long);
            return value;
        }
    });

    [Fact]
    public void Settle_collects_everything() => OnAFiber(() =>
    {
        Fiber<int>[] ended = Fiber.Settle(() => 1, () => throw new InvalidDataException(), () => 3);
        ended.Select(static fiber => fiber.Status).ShouldBe([FiberStatus.Succeeded, FiberStatus.Failed, FiberStatus.Succeeded]);
        ended[1].Exception.ShouldBeOfType<InvalidDataException>();
        (ended[0].Join() + ended[2].Join()).ShouldBe(4);
    });

    [Fact]
    public void ForEach_keeps_to_its_limit_and_reads_no_further_ahead() => OnAFiber(() =>
    {
        const int limit = 3;
        int running = 0, most = 0, done = 0, read = 0;
        IEnumerable<int> Source()
        {
            for (int i = 0; i < 50; i++)
            {
                read++;
                (read - Volatile.Read(ref done)).ShouldBeLessThanOrEqualTo(limit + 1);
                yield return i;
            }
        }

        Fiber.ForEach(Source(), limit, _ =>
        {
            int now = Interlocked.Increment(ref running);
            for (int seen = most; now > seen; seen = most)
                Interlocked.CompareExchange(ref most, now, seen);
            Fiber.Yield();
            Interlocked.Decrement(ref running);
            Interlocked.Increment(ref done);
        });
        done.ShouldBe(50);
        most.ShouldBeInRange(1, limit);
        Should.Throw<AggregateException>(() => Fiber.ForEach([1, 2, 3], 2, static _ => Throw()));
    });

    [Fact]
    public void Await_parks_until_the_task_has_ended() => OnAFiber(() =>
    {
        Fiber.Await(Task.Run(static async () =>
        {
            await Task.Yield();
            return 42;
        })).ShouldBe(42);
        Should.Throw<InvalidDataException>(() => Fiber.Await(Task.FromException(new InvalidDataException())));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Should.Throw<OperationCanceledException>(() => Fiber.Await(Task.FromCanceled(source.Token)));
    });

    [Fact]
    public void A_permit_given_first_is_not_lost_and_two_count_as_one() => OnAFiber(() =>
    {
        var parker = new FiberParker();
        parker.Unpark();
        parker.Unpark();
        parker.HasPermit.ShouldBeTrue();
        parker.Park();
        parker.HasPermit.ShouldBeFalse();
        parker.Park(TimeSpan.FromMilliseconds(1)).ShouldBeFalse();
        Beside(parker.Unpark); // from an ordinary thread
        parker.Park(s_long).ShouldBeTrue();
    });

    [Fact]
    public void Park_and_Unpark_hand_over_between_fibers_and_threads() => OnAConcurrentRuntime(runtime =>
    {
        const int turns = 2_000;
        FiberParker here = new(), there = new();
        Fiber fiber = runtime.SpawnConcurrent(() =>
        {
            for (int i = 0; i < turns; i++)
            {
                there.Park();
                here.Unpark();
            }
        });
        for (int i = 0; i < turns; i++) // this is an ordinary thread
        {
            there.Unpark();
            here.Park();
        }

        fiber.Join();
        Fiber waits = runtime.SpawnConcurrent(here.Park);
        Eventually.True(() => FiberState.IsWaiting(waits), "it is parked");
        Should.Throw<InvalidOperationException>(() => here.Park(s_soon));
        Should.Throw<OperationCanceledException>(waits.Cancel);
        here.Unpark();
        here.Park(s_long).ShouldBeTrue();
    });
}
