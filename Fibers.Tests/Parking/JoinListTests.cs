using Fibers.Parking;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Parking;

public class JoinListTests
{
    [Fact]
    public void Closing_wakes_those_who_wait_oldest_first_and_once()
    {
        var list = new JoinList();
        var order = new List<int>();
        foreach (int i in Enumerable.Range(0, 10))
            list.TryAdd(At(new Waiter(() => order.Add(i)), 1)).ShouldBeTrue();
        list.IsClosed.ShouldBeFalse();
        list.Close().Run();
        list.IsClosed.ShouldBeTrue();
        order.ShouldBe(Enumerable.Range(0, 10));
    }

    [Fact]
    public void Once_closed_nobody_is_added_and_actions_run_at_once()
    {
        var list = new JoinList();
        list.Close().Run();
        list.TryAdd(At(new Waiter(() => throw new InvalidOperationException("woken")), 1)).ShouldBeFalse();
        bool ran = false;
        list.OnClose(() => ran = true);
        ran.ShouldBeTrue();
    }

    [Fact]
    public void Actions_run_when_it_closes()
    {
        var list = new JoinList();
        int ran = 0;
        list.OnClose(() => ran++);
        list.OnClose(() => ran++);
        ran.ShouldBe(0);
        list.Close().Run();
        ran.ShouldBe(2);
    }

    [Fact]
    public void Waking_all_without_closing_wakes_the_waiters_and_keeps_the_actions()
    {
        var list = new JoinList();
        int woken = 0, ran = 0;
        list.TryAdd(At(new Waiter(() => woken++), 1));
        list.OnClose(() => ran++);
        list.WakeAll();
        (woken, ran).ShouldBe((1, 0));
        list.TryAdd(At(new Waiter(() => woken++), 2)).ShouldBeTrue("they come back and wait again");
        list.Close().Run();
        (woken, ran).ShouldBe((2, 1));
    }

    [Fact]
    public void Every_waiter_is_woken_once_or_told_that_it_is_too_late() => Bounded.Run(() =>
    {
        const int adders = 3, each = 50, rounds = 300;
        for (int round = 0; round < rounds; round++)
        {
            var shared = new Shared();
            int added = 0, woken = 0;
            using var start = new Barrier(adders + 1);
            Thread[] threads = [.. Enumerable.Range(0, adders).Select(_ => new Thread(() =>
            {
                start.SignalAndWait();
                for (int i = 0; i < each; i++)
                    if (shared.List.TryAdd(At(new Waiter(() => Interlocked.Increment(ref woken)), 1)))
                        Interlocked.Increment(ref added);
            })
            { IsBackground = true })];
            foreach (Thread thread in threads)
                thread.Start();
            start.SignalAndWait();
            shared.List.Close().Run();
            foreach (Thread thread in threads)
                thread.Join();
            woken.ShouldBe(added);
        }
    });

    private static JoinList.Waiter At(Parker parker, ulong number) => new(parker, null) { Number = number };

    private sealed class Shared
    {
        public JoinList List;
    }

    [Fact]
    public void Who_asks_again_and_again_is_in_it_once()
    {
        var list = new JoinList();
        int asked = 0, waited = 0;
        var asks = new Waiter(() => asked++);
        list.TryAdd(At(new Waiter(() => waited++), 1));
        for (ulong number = 1; number <= 1_000; number++)
        {
            asks.Parks = number;
            list.TryAdd(At(asks, number));
        }

        list.Close().Run();
        waited.ShouldBe(1);
        asked.ShouldBe(1);
    }

    private sealed class Waiter(Action onWake) : Parker
    {
        public ulong? Parks { get; set; } // under which number

        public override bool IsPast(ulong number) => Parks is { } current && current != number;

        public override ulong Begin(ParkReason reason) => 1;

        public override Wake Park(long deadlineNs) => throw new NotSupportedException("It never parks.");

        public override Wake Abandon() => Wake.None;

        public override bool TryWake(ulong number, Wake wake)
        {
            wake.ShouldBe(Wake.Unparked);
            onWake();
            return true;
        }
    }
}
