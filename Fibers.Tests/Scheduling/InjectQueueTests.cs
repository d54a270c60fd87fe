using Fibers.Scheduling;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

public class InjectQueueTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public void First_in_first_out(int size)
    {
        var queue = new InjectQueue();
        Fiber[] fibers = IdleFibers.Make(size);
        PushChain(queue, fibers.AsSpan(0, size / 2));
        foreach (Fiber fiber in fibers.AsSpan(size / 2))
            queue.Push(fiber);
        queue.Count.ShouldBe(size);
        IdleFibers.Drain(queue).ShouldBe(fibers);
        queue.Count.ShouldBe(0);
        queue.Pop().ShouldBeNull();
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(10, 1)]
    [InlineData(10, 4)]
    [InlineData(1000, 1)]
    [InlineData(1000, 2)]
    [InlineData(1000, 64)]
    public void A_carrier_takes_one_to_run_and_at_most_its_share(int size, int carriers)
    {
        var queue = new InjectQueue();
        var own = new RunQueue();
        Fiber[] fibers = IdleFibers.Make(size);
        PushChain(queue, fibers);
        queue.PopInto(own, carriers).ShouldBeSameAs(fibers[0]);
        int share = own.Count;
        share.ShouldBeLessThanOrEqualTo(Math.Min(size / carriers, RunQueue.Capacity / 2));
        IdleFibers.Drain(own).ShouldBe(fibers[1..(1 + share)]);
        IdleFibers.Drain(queue).ShouldBe(fibers[(1 + share)..]);
    }

    [Fact]
    public void Nothing_is_lost_or_doubled_between_many_threads() => Bounded.Run(() =>
    {
        const int producers = 3, consumers = 3, each = 30_000;
        var queue = new InjectQueue();
        Fiber[] fibers = IdleFibers.Make(producers * each);
        long firstId = fibers[0].Id;
        int[] seen = new int[fibers.Length];
        int left = fibers.Length;
        Thread[] threads =
        [
            .. Enumerable.Range(0, producers).Select(p => new Thread(() =>
            {
                Span<Fiber> mine = fibers.AsSpan(p * each, each);
                for (int i = 0; i < mine.Length; i += 10)
                {
                    queue.Push(mine[i]);
                    PushChain(queue, mine.Slice(i + 1, 9));
                }
            })),
            .. Enumerable.Range(0, consumers).Select(_ => new Thread(() =>
            {
                var own = new RunQueue();
                while (Volatile.Read(ref left) > 0)
                {
                    for (Fiber? fiber = queue.PopInto(own, consumers) ?? queue.Pop(); fiber is not null; fiber = own.Pop())
                    {
                        Interlocked.Increment(ref seen[(int)(fiber.Id - firstId)]);
                        Interlocked.Decrement(ref left);
                    }
                }
            })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        seen.ShouldAllBe(static times => times == 1);
    });

    // More than a carrier's own queue takes, and all of them ready again at once: those that it had no room for have their turns too.
    [Fact]
    public void What_a_carrier_has_no_room_for_is_not_kept_waiting_by_what_is_always_ready() => Bounded.Run(() =>
    {
        const int Number = RunQueue.Capacity * 8, Enough = 1_000;
        using FiberRuntime runtime = Runtimes.Native(1);
        int[] turns = new int[Number];
        bool stop = false;
        runtime.Run(() =>
        {
            Fiber[] fibers = [.. Enumerable.Range(0, Number).Select(i => Fiber.Spawn(() =>
            {
                while (!Volatile.Read(ref stop))
                {
                    Fiber.Sleep(TimeSpan.FromMicroseconds(1)); // over when the carrier next looks
                    if (++turns[i] == Enough)
                        Volatile.Write(ref stop, true);
                }
            }))];
            foreach (Fiber fiber in fibers)
                fiber.Join();
        });
        turns.Min().ShouldBeGreaterThan(turns.Max() * 2 / 5);
    });

    private static void PushChain(InjectQueue queue, ReadOnlySpan<Fiber> fibers)
    {
        if (fibers.IsEmpty)
            return;
        for (int i = 1; i < fibers.Length; i++)
            fibers[i - 1].QueueNext = fibers[i];
        queue.Push(fibers[0], fibers[^1], fibers.Length);
    }
}
