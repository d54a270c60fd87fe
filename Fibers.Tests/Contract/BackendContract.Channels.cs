using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Channels and select. The rules for closing, for nobody-is-ready and for fairness are those of the Go specification ("Channel types", "Close", "Select statements").
public abstract partial class BackendContract
{
    [Fact]
    public void What_was_sent_before_the_close_can_still_be_received() => OnAFiber(() =>
    {
        var channel = new FiberChannel<int>(3, "letters");
        channel.Send(1);
        channel.Send(2);
        channel.Close();
        channel.Close(); // unlike Go's, idempotent
        channel.IsClosed.ShouldBeTrue();
        channel.Count.ShouldBe(2);
        channel.Receive().ShouldBe(1);
        channel.TryReceive(out int second).ShouldBeTrue();
        second.ShouldBe(2);
        channel.Receive(out int _).ShouldBeFalse();
        channel.TryReceive(out int _).ShouldBeFalse();
        Should.Throw<FiberChannelClosedException>(() => channel.Receive());
        Should.Throw<FiberChannelClosedException>(() => channel.Receive(out int _, s_long));
        Should.Throw<FiberChannelClosedException>(() => channel.Send(3)); // Go: panic
        Should.Throw<FiberChannelClosedException>(() => channel.Send(3, s_long));
        channel.TrySend(3).ShouldBeFalse();
    });

    [Fact]
    public void A_close_wakes_all_who_wait() => OnAConcurrentFiber(() =>
    {
        var channel = new FiberChannel<int>();
        Fiber<bool>[] receivers = [.. Enumerable.Range(0, 5).Select(_ => Fiber.SpawnConcurrent(() => channel.Receive(out int _)))];
        WaitUntilParked(receivers);
        channel.Close();
        receivers.ShouldAllBe(static receiver => !receiver.Join());

        var full = new FiberChannel<int>();
        Fiber sender = Fiber.SpawnConcurrent(() => full.Send(1));
        WaitUntilParked([sender]);
        full.Close();
        Should.Throw<FiberChannelClosedException>(sender.Join);
    });

    [Fact]
    public void Foreach_receives_until_the_channel_is_closed_and_empty() => OnAFiber(() =>
    {
        FiberChannel<int> channel = FiberChannel<int>.Unbounded();
        for (int i = 0; i < 1_000; i++)
            channel.Send(i);
        channel.Close();
        channel.Sum().ShouldBe(499_500);
    });

    [Fact]
    public void A_bounded_channel_makes_the_sender_wait() => OnAFiber(() =>
    {
        var channel = new FiberChannel<int>(2);
        channel.TrySend(1).ShouldBeTrue();
        channel.Send(2, s_long).ShouldBeTrue();
        channel.TrySend(3).ShouldBeFalse();
        channel.Send(3, TimeSpan.FromMilliseconds(1)).ShouldBeFalse();
        channel.Receive().ShouldBe(1);
        channel.TrySend(4).ShouldBeTrue();
        channel.Receive().ShouldBe(2);
        channel.Receive().ShouldBe(4); // 3 was not sent
        channel.Receive(out int _, TimeSpan.FromMilliseconds(1)).ShouldBeFalse();
        Should.Throw<ArgumentOutOfRangeException>(() => new FiberChannel<int>(-1));
        Should.Throw<ArgumentOutOfRangeException>(() => channel.Send(1, TimeSpan.FromTicks(-2)));
    });

    [Fact]
    public void A_rendezvous_returns_when_somebody_has_received() => OnAConcurrentFiber(() =>
    {
        var channel = new FiberChannel<int>();
        Fiber sender = Fiber.SpawnConcurrent(() => channel.Send(1));
        WaitUntilParked([sender]);
        channel.Count.ShouldBe(0);
        channel.Receive().ShouldBe(1);
        sender.Join();
    });

    [Fact]
    public void A_channel_joins_fibers_threads_and_async_code() => OnAConcurrentRuntime(runtime =>
    {
        var channel = new FiberChannel<int>();
        using Fiber fiber = runtime.SpawnConcurrent(() => channel.Send(channel.Receive() + 1));
        Task<int> task = Task.Run(async () =>
        {
            await channel.SendAsync(1);
            return await channel.ReceiveAsync();
        });
        task.GetAwaiter().GetResult().ShouldBe(2);

        using var source = new CancellationTokenSource();
        Task<int> canceled = channel.ReceiveAsync(source.Token).AsTask();
        source.Cancel();
        Should.Throw<OperationCanceledException>(() => canceled.GetAwaiter().GetResult());
        channel.TrySend(1).ShouldBeFalse();
        channel.Close();
        Should.Throw<FiberChannelClosedException>(() => channel.ReceiveAsync().AsTask().GetAwaiter().GetResult());
        Should.Throw<FiberChannelClosedException>(() => channel.SendAsync(1).AsTask().GetAwaiter().GetResult());
    });

    [Fact]
    public void A_cancelled_send_was_not_sent_and_a_cancelled_receive_took_nothing() => OnAConcurrentFiber(() =>
    {
        var channel = new FiberChannel<int>();
        Fiber sender = Fiber.SpawnConcurrent(() => channel.Send(1));
        WaitUntilParked([sender]);
        Should.Throw<OperationCanceledException>(sender.Cancel);
        channel.TryReceive(out int _).ShouldBeFalse();
        Fiber receiver = Fiber.SpawnConcurrent(() => channel.Receive());
        WaitUntilParked([receiver]);
        Should.Throw<OperationCanceledException>(receiver.Cancel);
        channel.TrySend(1).ShouldBeFalse();
    });

    [Fact]
    public void Select_takes_one_of_those_that_are_ready_and_no_other() => OnAFiber(() =>
    {
        FiberChannel<int> full = new(1), empty = new(1);
        full.Send(5);
        int got = 0;
        new FiberSelect().Receive(empty).Receive(full, item => got = item).Run().ShouldBe(1);
        got.ShouldBe(5);
        new FiberSelect().Receive(empty).Default().Run().ShouldBe(1);
        new FiberSelect().Receive(empty).Timeout(TimeSpan.FromMilliseconds(1)).Run().ShouldBe(1);
        bool sent = false;
        new FiberSelect().Receive(empty).Send(full, 6, () => sent = true).Run().ShouldBe(1);
        sent.ShouldBeTrue();
        full.Receive().ShouldBe(6);
        using Fiber ended = Fiber.Spawn(() => { });
        new FiberSelect().Receive(empty).Join(ended).Run().ShouldBe(1);
        Should.Throw<InvalidOperationException>(() => new FiberSelect().Default().Default());
        Should.Throw<InvalidOperationException>(() => new FiberSelect().Timeout(s_soon).Timeout(s_soon));
    });

    [Fact]
    public void A_closed_channel_is_always_ready_in_a_select() => OnAFiber(() =>
    {
        var closed = new FiberChannel<int>();
        closed.Close();
        bool told = false;
        new FiberSelect().Receive(closed, null, () => told = true).Default().Run().ShouldBe(0);
        told.ShouldBeTrue();
        Should.Throw<FiberChannelClosedException>(() => new FiberSelect().Receive(closed).Run());
        Should.Throw<FiberChannelClosedException>(() => new FiberSelect().Send(closed, 1).Default().Run());
    });

    [Fact]
    public void Select_is_fair() => OnAFiber(() =>
    {
        // Go: "one ... is chosen via a uniform pseudo-random selection". 2,000 fair coins show fewer than 800 heads once in 10^18 times.
        FiberChannel<int> left = new(1), right = new(1);
        int[] taken = new int[2];
        for (int i = 0; i < 2_000; i++)
        {
            left.TrySend(0);
            right.TrySend(0);
            taken[new FiberSelect().Receive(left).Receive(right).Run()]++;
        }

        taken.Min().ShouldBeGreaterThan(800);
    });

    [Fact]
    public void A_select_that_waits_is_woken_by_whatever_happens_first() => OnAConcurrentFiber(() =>
    {
        FiberChannel<int> a = new(), b = new();
        var parker = new FiberParker();
        Fiber other = Fiber.SpawnConcurrent(parker.Park);
        Fiber<int> selects = Fiber.SpawnConcurrent(() => new FiberSelect().Receive(a).Send(b, 9).Join(other).Timeout(s_long).Run());
        WaitUntilParked([selects]);
        b.Receive().ShouldBe(9);
        selects.Join().ShouldBe(1);
        a.TrySend(1).ShouldBeFalse(); // it left the other lists

        Fiber<int> joins = Fiber.SpawnConcurrent(() => new FiberSelect().Receive(a).Join(other).Run());
        WaitUntilParked([joins]);
        parker.Unpark();
        joins.Join().ShouldBe(1);
    });
}
