using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Cancellation is a request, delivered once, at the next cancellation point.
public abstract partial class BackendContract
{
    [Fact]
    public void A_fiber_cancelled_before_it_began_never_runs() => OnAFiber(() =>
    {
        int neverBegan = 0;
        for (int i = 0; i < 1_000; i++)
        {
            int ran = 0;
            Fiber fiber = Fiber.Spawn(() => { ran++; }); // no cancellation point: Canceled can only mean that it did not begin
            fiber.RequestCancel();
            try
            {
                fiber.Join();
                ran.ShouldBe(1);
                fiber.Status.ShouldBe(FiberStatus.Succeeded);
            }
            catch (OperationCanceledException)
            {
                ran.ShouldBe(0);
                fiber.Status.ShouldBe(FiberStatus.Canceled);
                neverBegan++;
            }
        }

        if (backend == FiberBackend.Native && carriers == 1)
            neverBegan.ShouldBeGreaterThan(0); // nobody else was there to begin it
    });

    [Fact]
    public void A_request_is_delivered_once_and_can_be_made_again() => OnAConcurrentRuntime(runtime =>
    {
        int delivered = 0;
        var again = new FiberChannel<bool>(1);
        Fiber fiber = runtime.SpawnConcurrent(() =>
        {
            again.Send(true); // it has begun: cancelled before, it would never run
            for (int i = 0; i < 2; i++)
            {
                try
                {
                    Fiber.Sleep(s_long);
                }
                catch (OperationCanceledException)
                {
                    delivered++;
                }

                // Delivered: these are cancellation points, and nothing happens.
                Fiber.ThrowIfCanceled();
                Fiber.Sleep(TimeSpan.FromMilliseconds(1));
                Thread.Sleep(1);
                again.Send(true);
            }
        });
        again.Receive();
        for (int i = 0; i < 2; i++)
        {
            fiber.RequestCancel();
            again.Receive();
        }

        fiber.Join(); // it went on all the same, and returned
        fiber.Status.ShouldBe(FiberStatus.Succeeded);
        delivered.ShouldBe(2);
    });

    [Fact]
    public void A_shield_holds_the_request_back_until_after_it() => OnARuntime(runtime =>
    {
        bool finished = false, reached = false;
        Should.Throw<OperationCanceledException>(() => runtime.Run(() =>
        {
            Fiber self = Fiber.Current!;
            Fiber.Shield(() => Fiber.Shield(() =>
            {
                Beside(self.RequestCancel);
                Fiber.ThrowIfCanceled();
                Fiber.Sleep(TimeSpan.FromMilliseconds(1));
                Thread.Sleep(1);
                finished = true;
            }));
            Fiber.Sleep(s_long);
            reached = true;
        }));
        finished.ShouldBeTrue();
        reached.ShouldBeFalse();
    });

    [Fact]
    public void A_loop_that_computes_ends_at_ThrowIfCanceled() => OnARuntime(runtime =>
    {
        Fiber? loop = null;
        Should.Throw<OperationCanceledException>(() => runtime.Run(() =>
        {
            loop = Fiber.Current;
            var canceller = new Thread(loop!.RequestCancel);
            canceller.Start();
            try
            {
                while (true)
                    Fiber.ThrowIfCanceled();
            }
            finally
            {
                Fiber.Shield(canceller.Join);
            }
        }));
        loop!.Status.ShouldBe(FiberStatus.Canceled);
    });

    [Fact]
    public void Dispose_never_throws_and_disposes_a_result_nobody_took() => OnARuntime(runtime =>
    {
        int freed = 0;
        Fiber<Allocation> lost = runtime.Spawn(() => new Allocation(() => freed++));
        lost.Join(TimeSpan.FromMinutes(1)).ShouldBeTrue();
        lost.Dispose();
        lost.Dispose();
        freed.ShouldBe(1);

        Fiber failed = runtime.Spawn(Throw);
        failed.Dispose();
        Fiber stuck = runtime.Spawn(() => Fiber.Sleep(HasConcurrency ? s_long : TimeSpan.Zero));
        stuck.Dispose();
        (failed.Status is FiberStatus.Failed or FiberStatus.Canceled).ShouldBeTrue(); // Canceled: it had not begun
        stuck.Status.ShouldBe(HasConcurrency ? FiberStatus.Canceled : FiberStatus.Succeeded);
    });

    [Fact]
    public void The_token_of_a_fiber_is_cancelled_with_it() => OnARuntime(runtime =>
    {
        Fiber? seen = null;
        Should.Throw<OperationCanceledException>(() => runtime.Run(() =>
        {
            Fiber self = seen = Fiber.Current!;
            self.CancellationToken.IsCancellationRequested.ShouldBeFalse();
            Beside(self.RequestCancel);
            self.CancellationToken.IsCancellationRequested.ShouldBeTrue();
            self.CancellationToken.ThrowIfCancellationRequested(); // code that takes tokens
        }));
        seen!.Status.ShouldBe(FiberStatus.Canceled);
    });

    [Fact]
    public void A_token_cancels_the_fibers_spawned_with_it() => OnARuntime(runtime =>
    {
        using var source = new CancellationTokenSource();
        Fiber[] fibers = [.. Enumerable.Range(0, HasConcurrency ? 10 : 0).Select(_ =>
            runtime.Spawn(() => Fiber.Sleep(s_long), new FiberOptions { CancellationToken = source.Token }))];
        source.Cancel();
        foreach (Fiber fiber in fibers)
        {
            Should.Throw<OperationCanceledException>(fiber.Join);
            fiber.Status.ShouldBe(FiberStatus.Canceled);
        }
    });

    [Fact]
    public void A_token_that_is_cancelled_already_lets_nothing_begin() => OnARuntime(runtime =>
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        var options = new FiberOptions { CancellationToken = source.Token };
        for (int i = 0; i < 50; i++)
        {
            foreach (Fiber late in (Fiber[])[runtime.Spawn(Throw, options), runtime.SpawnConcurrent(Throw, options)])
            {
                Should.Throw<OperationCanceledException>(late.Join).CancellationToken.ShouldBe(source.Token);
                late.Status.ShouldBe(FiberStatus.Canceled);
                Should.Throw<OperationCanceledException>(late.AsTask().GetAwaiter().GetResult);
            }
        }

        runtime.Statistics.Ended.ShouldBe(runtime.Statistics.Spawned);
        runtime.Statistics.Live.ShouldBe(0);
    });

    [Fact]
    public void Cancelling_a_fiber_that_runs_inline_on_another_leaves_the_other_alone() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Make(maxFibers: 1);
        runtime.Run(() =>
        {
            Fiber? inner = null;
            Fiber spawned = Fiber.Spawn(() =>
            {
                inner = Fiber.Current;
                inner!.RanInline.ShouldBeTrue();
                Beside(inner.RequestCancel);
                Thread.Sleep(s_long);
            });
            Should.Throw<OperationCanceledException>(spawned.Join);
            spawned.Status.ShouldBe(FiberStatus.Canceled);
            Fiber.ThrowIfCanceled();
            Thread.Sleep(1);
            Fiber.Sleep(TimeSpan.FromMilliseconds(1));
        });
    });

    [Fact]
    public void Cancelling_a_fiber_waits_for_the_one_that_runs_inline_on_it() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Make(maxFibers: 1);
        Fiber? inner = null;
        bool reached = false;
        Should.Throw<OperationCanceledException>(() => runtime.Run(() =>
        {
            Fiber outer = Fiber.Current!;
            inner = Fiber.Spawn(() =>
            {
                Beside(outer.RequestCancel);
                Fiber.ThrowIfCanceled();
                Thread.Sleep(1);
                Fiber.Sleep(TimeSpan.FromMilliseconds(1));
            });
            Thread.Sleep(s_long);
            reached = true;
        }));
        inner!.Status.ShouldBe(FiberStatus.Succeeded);
        reached.ShouldBeFalse();
    });

    [Fact]
    public void No_stray_interrupt_reaches_the_next_fiber_when_cancellation_races_the_end() => OnAConcurrentRuntime(runtime =>
    {
        var random = new Random(Stress.Seed);
        var gate = new object();
        Stress.For(runtime.Backend == FiberBackend.Native ? 1 : 0.3, () =>
        {
            Fiber[] raced = [.. Enumerable.Range(0, 8).Select(i => runtime.SpawnConcurrent(() =>
            {
                if (i % 4 == 0)
                    Thread.Sleep(1);
                else if (i % 4 == 1)
                    lock (gate)
                        Monitor.Wait(gate, 1);
                else if (i % 4 == 2)
                    Fiber.Sleep(TimeSpan.FromMicroseconds(50));
                else
                    Thread.Yield();
            }))];
            Thread.SpinWait(random.Next(20_000));
            foreach (Fiber fiber in raced)
                fiber.RequestCancel();
            foreach (Fiber fiber in raced)
                fiber.Dispose();

            // These come to the same pooled threads, and nobody cancelled them.
            Fiber[] innocent = [.. Enumerable.Range(0, 8).Select(_ => runtime.SpawnConcurrent(() =>
            {
                Fiber.ThrowIfCanceled();
                Thread.Sleep(1);
                lock (gate)
                    Monitor.Wait(gate, 1);
            }))];
            foreach (Fiber fiber in innocent)
                fiber.Join();
        });
    });

    [Fact]
    public void No_request_is_lost_however_the_fiber_moves_from_wait_to_wait() => OnAConcurrentRuntime(runtime =>
    {
        var random = new Random(Stress.Seed);
        var gate = new object();
        Stress.For(runtime.Backend == FiberBackend.Native ? 1 : 0.3, () =>
        {
            var channel = new FiberChannel<int>();
            Fiber[] fibers = [.. Enumerable.Range(0, 8).Select(i => runtime.SpawnConcurrent(() =>
            {
                while (true)
                {
                    lock (gate)
                        Monitor.Pulse(gate);
                    lock (gate)
                        Monitor.Wait(gate, 1);
                    channel.Receive(out int _, TimeSpan.FromMicroseconds(i * 20));
                    Fiber.Sleep(TimeSpan.FromMicroseconds(i * 10 + 1));
                    if (i % 3 == 0)
                        channel.Receive(); // for ever
                }
            }))];
            Thread.SpinWait(random.Next(200_000));
            foreach (Fiber fiber in fibers)
                Should.Throw<OperationCanceledException>(fiber.Cancel);
        });
    });

    // From an ordinary thread, so that it also works where there is one fiber at a time. Whoever waits for it cannot be cancelled meanwhile.
    private static void Beside(Action action)
    {
        var thread = new Thread(() => action());
        thread.Start();
        Fiber.Shield(thread.Join);
    }
}
