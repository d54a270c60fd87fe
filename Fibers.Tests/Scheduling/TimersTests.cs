using Fibers.Parking;
using Fibers.Scheduling;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

public class TimersTests
{
    [Fact]
    public void An_empty_heap_never_fires()
    {
        var timers = new Timers();
        timers.NextDeadline.ShouldBe(Clock.Never);
        timers.Fire().ShouldBe(0);
        timers.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_earliest_deadline_is_that_of_a_sorted_list(int seed)
    {
        var random = new Random(seed);
        var timers = new Timers();
        var model = new HashSet<TimerNode>();
        using var threads = new ParkedThreads(100);
        long future = Clock.Now + 3_600_000_000_000;
        for (int step = 0; step < 5_000; step++)
        {
            TimerNode node = threads.Nodes[random.Next(threads.Nodes.Count)];
            if (random.Next(3) == 0)
            {
                timers.Remove(node);
                model.Remove(node);
            }
            else
            {
                timers.Remove(node);
                long earliest = model.Where(other => other != node).Select(static other => other.DeadlineNs).DefaultIfEmpty(Clock.Never).Min();
                long deadline = future + random.Next(1_000);
                timers.Add(node, deadline, number: 1).ShouldBe(deadline < earliest);
                model.Add(node);
            }

            timers.Count.ShouldBe(model.Count);
            timers.NextDeadline.ShouldBe(model.Select(static other => other.DeadlineNs).DefaultIfEmpty(Clock.Never).Min());
            (node.HeapIndex >= 0).ShouldBe(model.Contains(node));
        }
    }

    [Fact]
    public void It_fires_what_is_due_and_nothing_else()
    {
        var timers = new Timers();
        using var threads = new ParkedThreads(50);
        long now = Clock.Now;
        for (int i = 0; i < threads.Nodes.Count; i++)
            timers.Add(threads.Nodes[i], i % 2 == 0 ? now - i : now + 3_600_000_000_000 + i, number: 1);
        timers.Fire().ShouldBe(25);
        timers.Fire().ShouldBe(0);
        for (int i = 0; i < threads.Nodes.Count; i++)
            threads.WakeOf(i).ShouldBe(i % 2 == 0 ? Wake.Timeout : Wake.None);
        timers.Count.ShouldBe(25);
        timers.NextDeadline.ShouldBe(now + 3_600_000_000_000 + 1);
    }

    [Fact]
    public void A_timer_of_an_earlier_park_wakes_nobody()
    {
        var timers = new Timers();
        using var threads = new ParkedThreads(1);
        timers.Add(threads.Nodes[0], Clock.Now - 1, number: 7); // they are parked under number 1
        timers.Fire().ShouldBe(0);
        threads.WakeOf(0).ShouldBe(Wake.None);
        timers.Count.ShouldBe(0);
    }

    [Fact]
    public void Many_threads_add_remove_and_fire_and_each_timer_fires_at_most_once() => Bounded.Run(() =>
    {
        const int workers = 4, each = 200, rounds = 200;
        var timers = new Timers();
        using var threads = new ParkedThreads(workers * each);
        int fired = 0, added = 0, withdrawn = 0;
        Thread[] all = [.. Enumerable.Range(0, workers).Select(worker => new Thread(() =>
        {
            var random = new Random(worker);
            for (int round = 0; round < rounds; round++)
            {
                for (int i = worker * each; i < (worker + 1) * each; i++)
                {
                    threads.Park(i, (ulong)(round + 1));
                    timers.Add(threads.Nodes[i], Clock.Now + random.Next(200_000), (ulong)(round + 1));
                    Interlocked.Increment(ref added);
                }

                Interlocked.Add(ref fired, timers.Fire());
                for (int i = worker * each; i < (worker + 1) * each; i++)
                {
                    if (threads.TryWake(i, (ulong)(round + 1), Wake.Unparked))
                        Interlocked.Increment(ref withdrawn);
                    timers.Remove(threads.Nodes[i]);
                }
            }
        })
        { IsBackground = true })];
        foreach (Thread thread in all)
            thread.Start();
        foreach (Thread thread in all)
            thread.Join();
        added.ShouldBe(workers * each * rounds);
        (fired + withdrawn).ShouldBe(added, "every park ended once: by its timer or by us");
        timers.Count.ShouldBe(0);
        timers.NextDeadline.ShouldBe(Clock.Never);
    });
}
