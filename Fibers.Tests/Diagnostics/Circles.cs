using System.Runtime.CompilerServices;
using Fibers.Diagnostics;
using Fibers.Diagnostics.Dumps;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class Circles
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_circle_of_three_fibers_and_a_thread_through_locks_is_named_with_owners_and_stacks(bool newLocks) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using var circle = new LockCircle(runtime, newLocks);
        string text = "";
        Eventually.True(() => (text = Dump(runtime)).Contains("DEADLOCK"), "the dump names the circle");
        (Fiber a, Fiber b, Fiber c) = (circle.Fibers[0], circle.Fibers[1], circle.Fibers[2]);
        string kind = newLocks ? "a Lock" : "a monitor";
        text.ShouldContain($"fiber {a.Id} \"a\" waits for fiber {b.Id} \"b\" waits for fiber {c.Id} \"c\" waits for thread {circle.Thread.ManagedThreadId} \"outsider\" waits for fiber {a.Id} \"a\"");
        text.ShouldContain($"fiber {a.Id} \"a\" is waiting for {kind} held by fiber {b.Id} \"b\"");
        text.ShouldContain($"fiber {c.Id} \"c\" is waiting for {kind} held by thread {circle.Thread.ManagedThreadId} \"outsider\"");
        IReadOnlyList<PartySnapshot> named = SnapshotGatherer.Gather(runtime).Cycles.ShouldHaveSingleItem();
        named.Count.ShouldBe(4);
        named.ShouldAllBe(static party => party.Stack!.Frames.Any(static frame => frame.Contains(nameof(LockCircle.TakeBoth))));
    });

    [Fact]
    public void Locks_that_are_waited_for_in_a_row_or_for_a_time_are_no_circle() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        object first = new(), second = new();
        using var release = new ManualResetEventSlim();
        Fiber holder = runtime.SpawnConcurrent(() =>
        {
            lock (first)
                release.Wait();
        });
        Eventually.True(() => FiberState.IsParked(holder), "the first lock is taken");
        Fiber between = runtime.SpawnConcurrent(() =>
        {
            lock (second)
                lock (first)
                    GC.KeepAlive(first);
        });
        Eventually.True(() => FiberState.IsParked(between), "the second lock is taken");
        Fiber last = runtime.SpawnConcurrent(() => Monitor.TryEnter(second, TimeSpan.FromHours(1)));
        Eventually.True(() => FiberState.IsParked(last), "the third fiber waits");
        RuntimeSnapshot snapshot = SnapshotGatherer.Gather(runtime);
        snapshot.Cycles.ShouldBeEmpty();
        snapshot.Fibers.Single(fiber => fiber.Id == between.Id).Wait!.On.Single().Fiber.ShouldBe(holder.Id);
        WaitSnapshot timed = snapshot.Fibers.Single(fiber => fiber.Id == last.Id).Wait!;
        timed.Text.ShouldStartWith($"waiting for a monitor held by fiber {between.Id}");
        timed.On.ShouldBeEmpty();
        release.Set();
        holder.Join();
        between.Join();
        last.Join();
    });

    [Fact]
    public void Run_ends_with_a_dump_when_its_fiber_waits_for_a_circle_although_others_go_on() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using Fiber busy = runtime.SpawnConcurrent(static () =>
        {
            while (true)
                Fiber.Sleep(TimeSpan.FromMilliseconds(1));
        });
        LockCircle? circle = null;
        FiberDeadlockException deadlock = Should.Throw<FiberDeadlockException>(() => runtime.Run(() =>
        {
            circle = new LockCircle(runtime, newLocks: false);
            circle.Fibers[1].Join();
        }));
        deadlock.Waits.Count.ShouldBe(4);
        deadlock.Waits.ShouldContain(sentence => sentence.Contains($"fiber {circle!.Fibers[0].Id} \"a\" is waiting for a monitor held by fiber {circle.Fibers[1].Id} \"b\""));
        deadlock.Dump.ShouldContain("DEADLOCK");
        deadlock.Dump.ShouldContain("\"main\": parked");
        deadlock.ToString().ShouldContain(deadlock.Dump);
        circle!.Dispose();
    });

    [Fact]
    public void Fibers_that_join_one_another_are_a_circle() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        Fiber? second = null;
        using var bothAreThere = new ManualResetEventSlim();
        Fiber first = runtime.SpawnConcurrent(() =>
        {
            bothAreThere.Wait();
            second!.Join();
        });
        second = runtime.SpawnConcurrent(first.Join);
        bothAreThere.Set();
        Should.Throw<FiberDeadlockException>(() => runtime.Run(first.Join)).Waits.Count.ShouldBe(2);
        first.RequestCancel();
        Should.Throw<OperationCanceledException>(first.Join);
    });

    [Fact]
    public void A_circle_that_a_cancellation_token_may_break_is_no_deadlock() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var cancel = new CancellationTokenSource();
        using var bothAreThere = new ManualResetEventSlim();
        Fiber? second = null;
        Fiber first = runtime.SpawnConcurrent(() =>
        {
            bothAreThere.Wait();
            second!.Join();
        }, new FiberOptions { CancellationToken = cancel.Token });
        second = runtime.SpawnConcurrent(first.Join);
        bothAreThere.Set();
        Eventually.True(() => FiberState.IsParked(first) && FiberState.IsParked(second), "each waits for the other");
        CircleFinder.Find(runtime, first).ShouldBeNull();
        SnapshotGatherer.Gather(runtime).Cycles.ShouldHaveSingleItem().Count.ShouldBe(2); // a dump names it all the same
        cancel.Cancel();
        Should.Throw<OperationCanceledException>(first.Join);
    });

    private static string Dump(FiberRuntime runtime)
    {
        var text = new StringWriter();
        runtime.Dump(text);
        return text.ToString();
    }

    /// <summary>Four of them, each with a lock that the one before wants.</summary>
    private sealed class LockCircle : IDisposable
    {
        private const int Members = 4;
        private readonly object[] _monitors = [.. Enumerable.Range(0, Members).Select(static _ => new object())];
        private readonly Lock[] _locks = [.. Enumerable.Range(0, Members).Select(static _ => new Lock())];
        private readonly Barrier _allHaveOne = new(Members);
        private readonly bool _newLocks;

        public LockCircle(FiberRuntime runtime, bool newLocks)
        {
            _newLocks = newLocks;
            Fibers = [.. ((string[])["a", "b", "c"]).Select((name, i) => runtime.SpawnConcurrent(() => TakeBoth(i), new FiberOptions { Name = name }))];
            Thread = new Thread(() =>
            {
                try
                {
                    TakeBoth(Members - 1);
                }
                catch (ThreadInterruptedException)
                {
                    // how the circle is broken
                }
            })
            { IsBackground = true, Name = "outsider" };
            Thread.Start();
        }

        public Fiber[] Fibers { get; }

        public Thread Thread { get; }

        [MethodImpl(MethodImplOptions.NoInlining)]
        public void TakeBoth(int own)
        {
            if (_newLocks)
            {
                lock (_locks[own])
                {
                    _allHaveOne.SignalAndWait();
                    lock (_locks[(own + 1) % Members])
                        GC.KeepAlive(this);
                }
            }
            else
            {
                lock (_monitors[own])
                {
                    _allHaveOne.SignalAndWait();
                    lock (_monitors[(own + 1) % Members])
                        GC.KeepAlive(this);
                }
            }
        }

        public void Dispose()
        {
            Thread.Interrupt();
            Thread.Join();
            foreach (Fiber fiber in Fibers)
                fiber.Join();
        }
    }
}
