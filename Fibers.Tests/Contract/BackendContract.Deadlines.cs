using System.Net.Sockets;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Deadlines: delivered as cancellation is, reported as TimeoutException by the block that set them.
public abstract partial class BackendContract
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(20);

    public static TheoryData<string> Waits => ["Thread.Sleep", "Fiber.Sleep", "Monitor.Wait", "channel", "select", "FiberParker", "task", "NetworkStream.Read"];

    [Theory]
    [MemberData(nameof(Waits))]
    public void A_deadline_covers(string wait) => OnAFiber(() =>
    {
        if (wait == "NetworkStream.Read" && !CancelsBlockingIo)
            return;
        Should.Throw<TimeoutException>(() =>
        {
            using (Fiber.Timeout(s_soon))
                WaitFor(wait);
        });
        // It is over: nothing is left to be delivered.
        Fiber.ThrowIfCanceled();
        Thread.Sleep(1);
        Fiber.Sleep(TimeSpan.FromMilliseconds(1));
        Fiber.Current!.IsCancellationRequested.ShouldBeFalse();
    });

    [Fact]
    public void A_deadline_that_does_not_come_changes_nothing() => OnAFiber(() =>
    {
        using FiberTimeout deadline = Fiber.Timeout(s_long);
        Fiber.Sleep(TimeSpan.FromMilliseconds(1));
        deadline.HasExpired.ShouldBeFalse();
        Should.Throw<ArgumentOutOfRangeException>(() => Fiber.Timeout(TimeSpan.FromTicks(-2)));
    });

    [Fact]
    public void A_deadline_beyond_all_timers_never_comes() => OnAFiber(() =>
    {
        foreach (TimeSpan after in (TimeSpan[])[TimeSpan.FromDays(60), TimeSpan.MaxValue])
        {
            using FiberTimeout deadline = Fiber.Timeout(after);
            Fiber.Sleep(TimeSpan.FromMilliseconds(1));
            deadline.HasExpired.ShouldBeFalse();
        }
    });

    [Fact]
    public void An_inner_deadline_leaves_the_outer_one_alone() => OnAFiber(() =>
    {
        using (Fiber.Timeout(s_long))
        {
            Should.Throw<TimeoutException>(() =>
            {
                using (Fiber.Timeout(s_soon))
                    Thread.Sleep(s_long);
            });
            Thread.Sleep(1);
        }
    });

    [Fact]
    public void An_outer_deadline_ends_the_inner_block_and_is_the_one_reported() => OnAFiber(() =>
    {
        bool outside = false;
        Should.Throw<TimeoutException>(() =>
        {
            using (Fiber.Timeout(s_soon))
            {
                Should.Throw<OperationCanceledException>(() =>
                {
                    using (Fiber.Timeout(s_long))
                        Fiber.Sleep(s_long);
                });
                outside = true; // the inner one kept quiet
            }
        });
        outside.ShouldBeTrue();
    });

    [Fact]
    public void A_deadline_that_fired_with_an_inner_one_is_still_delivered() => OnAFiber(() =>
    {
        Should.Throw<TimeoutException>(() =>
        {
            using FiberTimeout outer = Fiber.Timeout(s_soon);
            Should.Throw<TimeoutException>(() =>
            {
                using FiberTimeout inner = Fiber.Timeout(s_soon);
                Fiber.Shield(() => Eventually.True(() => outer.HasExpired && inner.HasExpired, "both have fired"));
                Thread.Sleep(s_long);
            });
            Thread.Sleep(s_long); // retried, as people do: only the outer one can end it
        });
        Thread.Sleep(1);
    });

    [Fact]
    public void A_cancellation_is_not_reported_as_a_deadline() => OnARuntime(runtime =>
        Should.Throw<OperationCanceledException>(() => runtime.Run(() =>
        {
            using FiberTimeout deadline = Fiber.Timeout(s_long);
            Beside(Fiber.Current!.RequestCancel);
            Thread.Sleep(s_long);
        })));

    private static void WaitFor(string wait)
    {
        switch (wait)
        {
            case "Thread.Sleep":
                Thread.Sleep(s_long);
                break;
            case "Fiber.Sleep":
                Fiber.Sleep(s_long);
                break;
            case "Monitor.Wait":
                var gate = new object();
                lock (gate)
                    Monitor.Wait(gate);
                break;
            case "channel":
                new FiberChannel<int>().Receive();
                break;
            case "select":
                new FiberSelect().Send(new FiberChannel<int>(), 1).Receive(new FiberChannel<int>()).Run();
                break;
            case "FiberParker":
                new FiberParker().Park();
                break;
            case "task":
                Fiber.Await(new TaskCompletionSource().Task);
                break;
            case "NetworkStream.Read":
                using (var pair = new LoopbackPair())
                using (var stream = new NetworkStream(pair.Near, ownsSocket: false))
                    stream.ReadByte();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(wait), wait, "There is no such wait.");
        }
    }
}
