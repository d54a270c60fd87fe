using Fibers.Scheduling;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

public class RunQueueTests
{
    // 0, close to the wrap-around, and so that it happens in the middle of a ring.
    public static TheoryData<uint> Starts => [0u, uint.MaxValue - 3, uint.MaxValue - RunQueue.Capacity / 2, int.MaxValue];

    [Theory]
    [MemberData(nameof(Starts))]
    public void It_gives_back_what_was_pushed_oldest_first(uint start)
    {
        var queue = new RunQueue(start);
        var overflow = new InjectQueue();
        foreach (int size in (int[])[0, 1, 7, 64, RunQueue.Capacity])
        {
            Fiber[] fibers = IdleFibers.Make(size);
            foreach (Fiber fiber in fibers)
                queue.Push(fiber, overflow);
            queue.Count.ShouldBe(size);
            foreach (Fiber fiber in fibers)
                queue.Pop().ShouldBeSameAs(fiber);
            queue.Pop().ShouldBeNull();
            queue.IsEmpty.ShouldBeTrue();
            queue.AssertInvariants();
        }

        overflow.Count.ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Starts))]
    public void When_full_the_older_half_and_the_new_one_overflow(uint start)
    {
        var queue = new RunQueue(start);
        var overflow = new InjectQueue();
        Fiber[] fibers = IdleFibers.Make(RunQueue.Capacity + 1);
        foreach (Fiber fiber in fibers)
            queue.Push(fiber, overflow);
        queue.Count.ShouldBe(RunQueue.Capacity / 2);
        Fiber[] overflowed = [.. IdleFibers.Drain(overflow)];
        overflowed.ShouldBe([.. fibers[..(RunQueue.Capacity / 2)], fibers[^1]]);
        IdleFibers.Drain(queue).ShouldBe(fibers[(RunQueue.Capacity / 2)..^1]);
    }

    [Fact]
    public void Overflowing_takes_no_memory()
    {
        Fiber[] fibers = IdleFibers.Make(RunQueue.Capacity + 1);
        var overflow = new InjectQueue();
        var queue = new RunQueue();
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (Fiber fiber in fibers)
            queue.Push(fiber, overflow);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0, "without memory, those that were to be moved would be in no queue any more");
        overflow.Count.ShouldBe(RunQueue.Capacity / 2 + 1);
    }

    [Theory]
    [MemberData(nameof(Starts))]
    public void A_thief_takes_the_older_half_rounded_up(uint start)
    {
        foreach (int size in (int[])[0, 1, 2, 7, 64, RunQueue.Capacity])
        {
            var victim = new RunQueue(start);
            var thief = new RunQueue(start + 5);
            var overflow = new InjectQueue();
            Fiber[] fibers = IdleFibers.Make(size);
            foreach (Fiber fiber in fibers)
                victim.Push(fiber, overflow);
            int half = size - size / 2;
            Fiber? first = victim.StealInto(thief);
            List<Fiber> stolen = [.. first is null ? [] : (Fiber[])[first], .. IdleFibers.Drain(thief)];
            stolen.ShouldBe(fibers[..half]);
            IdleFibers.Drain(victim).ShouldBe(fibers[half..]);
            victim.AssertInvariants();
            thief.AssertInvariants();
        }
    }

    // A thief was stopped in the middle while the owner went once around the ring, and then stole itself: the loot landed on the slots
    // the first thief had yet to copy, and a runnable fiber was gone.
    [Theory]
    [MemberData(nameof(Starts))]
    public void What_a_slow_thief_still_copies_is_not_overwritten_by_loot(uint start)
    {
        var queue = new RunQueue(start);
        var overflow = new InjectQueue();
        Fiber[] claimed = IdleFibers.Make(4);
        foreach (Fiber fiber in claimed)
            queue.Push(fiber, overflow);
        queue.TryClaimHalf(out RunQueue.Claim claim).ShouldBeTrue();
        IdleFibers.Drain(queue).ShouldBe(claimed[2..]);
        foreach (Fiber fiber in IdleFibers.Make(RunQueue.Capacity - claimed.Length))
        {
            queue.Push(fiber, overflow);
            queue.Pop().ShouldBeSameAs(fiber);
        }

        var victim = new RunQueue();
        foreach (Fiber fiber in IdleFibers.Make(64))
            victim.Push(fiber, overflow);
        queue.IsEmpty.ShouldBeTrue();
        victim.StealInto(queue).ShouldBeNull();
        victim.Count.ShouldBe(64);

        var slow = new RunQueue();
        queue.Move(claim, slow).ShouldBeSameAs(claimed[0]);
        IdleFibers.Drain(slow).ShouldBe([claimed[1]]);
        queue.GiveBack();
        victim.StealInto(queue).ShouldNotBeNull();
        queue.Count.ShouldBe(31);
        overflow.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_sequence_of_calls_behaves_like_the_model(int seed)
    {
        var random = new Random(seed);
        var overflow = new InjectQueue();
        var queue = new RunQueue(uint.MaxValue - 3);
        var model = new List<Fiber>();
        foreach (Fiber fiber in IdleFibers.Make(5_000))
        {
            switch (random.Next(4))
            {
                case 0:
                    queue.Pop().ShouldBeSameAs(model.FirstOrDefault());
                    if (model.Count > 0)
                        model.RemoveAt(0);
                    break;
                case 1 when random.Next(10) == 0:
                    int half = model.Count - model.Count / 2;
                    var thief = new RunQueue();
                    Fiber? first = queue.StealInto(thief);
                    first.ShouldBeSameAs(model.FirstOrDefault());
                    IdleFibers.Drain(thief).ShouldBe(model.Skip(1).Take(half - 1));
                    model.RemoveRange(0, half);
                    break;
                default:
                    queue.Push(fiber, overflow);
                    model.Add(fiber);
                    List<Fiber> overflowed = IdleFibers.Drain(overflow);
                    if (overflowed.Count > 0)
                    {
                        overflowed.ShouldBe([.. model[..(RunQueue.Capacity / 2)], fiber]);
                        model.RemoveRange(0, RunQueue.Capacity / 2);
                        model.RemoveAt(model.Count - 1);
                    }

                    break;
            }

            queue.Count.ShouldBe(model.Count);
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(uint.MaxValue - 1000)]
    public void Nothing_is_lost_or_doubled_between_one_owner_and_three_thieves(uint start) => Bounded.Run(() =>
    {
        const int thieves = 3, count = 200_000;
        Fiber[] fibers = IdleFibers.Make(count);
        int[] seen = new int[count];
        long firstId = fibers[0].Id;
        var overflow = new InjectQueue();
        var queue = new RunQueue(start);
        int left = count;
        void Take(Fiber fiber)
        {
            Interlocked.Increment(ref seen[(int)(fiber.Id - firstId)]);
            Interlocked.Decrement(ref left);
        }

        Thread[] threads = [.. Enumerable.Range(0, thieves).Select(i => new Thread(() =>
        {
            var own = new RunQueue(start + (uint)i);
            while (Volatile.Read(ref left) > 0)
            {
                if ((queue.StealInto(own) ?? overflow.PopInto(own, thieves)) is not { } fiber)
                    continue;
                Take(fiber);
                while (own.Pop() is { } next)
                    Take(next);
            }
        })
        { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        var random = new Random(7);
        foreach (Fiber fiber in fibers)
        {
            queue.Push(fiber, overflow);
            if (random.Next(3) == 0 && queue.Pop() is { } popped)
                Take(popped);
        }

        while (queue.Pop() is { } rest)
            Take(rest);
        foreach (Thread thread in threads)
            thread.Join();
        seen.ShouldAllBe(static times => times == 1);
        queue.AssertInvariants();
    });
}
