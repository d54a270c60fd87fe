using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

/// <summary>A lock belongs to the fiber that took it, not to the carrier they share.</summary>
public class Locks
{
    [Fact]
    public void Monitor_excludes_another_fiber_of_the_same_carrier() => OneWaitsForTheOther(new MonitorGate());

    [Fact]
    public void Lock_excludes_another_fiber_of_the_same_carrier() => OneWaitsForTheOther(new LockGate());

    [Fact]
    public void SemaphoreSlim_excludes_another_fiber_of_the_same_carrier() => OneWaitsForTheOther(new SemaphoreGate());

    [Fact]
    public void Mutex_excludes_another_fiber_of_the_same_carrier() => OneWaitsForTheOther(new MutexGate());

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Monitor_counts_right_under_contention(int carriers) => CountUnder(new MonitorGate(), carriers);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Lock_counts_right_under_contention(int carriers) => CountUnder(new LockGate(), carriers);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void SemaphoreSlim_counts_right_under_contention(int carriers) => CountUnder(new SemaphoreGate(), carriers);

    [Fact]
    public void A_lock_taken_twice_must_be_left_twice() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        foreach (Gate gate in (Gate[])[new MonitorGate(), new LockGate(), new MutexGate()])
            runtime.Run(() =>
            {
                gate.Enter();
                gate.Enter();
                Fiber.Yield();
                gate.Exit();
                Fiber.Spawn(() => gate.TryEnter()).Join().ShouldBeFalse("one level is still held");
                gate.Exit();
                Fiber.Spawn(() =>
                {
                    bool entered = gate.TryEnter();
                    gate.Exit();
                    return entered;
                }).Join().ShouldBeTrue();
            });
    });

    [Fact]
    public void Leaving_a_lock_that_another_fiber_holds_throws() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        foreach (Gate gate in (Gate[])[new MonitorGate(), new LockGate()])
            runtime.Run(() =>
            {
                gate.Enter();
                Fiber.Spawn(() => Should.Throw<SynchronizationLockException>(gate.Exit)).Join();
                gate.Exit();
            });
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Monitor_Wait_and_Pulse_pass_the_turn_between_fibers(int carriers) => Bounded.Run(() =>
    {
        const int players = 20, rounds = 20;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        object gate = new();
        int turn = 0;
        var order = new List<int>();
        Fiber[] fibers = [.. Enumerable.Range(0, players).Select(player => runtime.Spawn(() =>
        {
            for (int round = 0; round < rounds; round++)
            {
                lock (gate)
                {
                    while (turn % players != player)
                        Monitor.Wait(gate);
                    order.Add(turn++);
                    Monitor.PulseAll(gate);
                }
            }
        }))];
        foreach (Fiber fiber in fibers)
            fiber.Join();
        order.ShouldBe(Enumerable.Range(0, players * rounds));
    });

    [Fact]
    public void Monitor_Wait_gives_up_at_its_time_out() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        object gate = new();
        runtime.Run(() =>
        {
            lock (gate)
            {
                Monitor.Wait(gate, 20).ShouldBeFalse();
                Monitor.IsEntered(gate).ShouldBeTrue();
            }
        });
    });

    [Fact]
    public void Fibers_and_threads_share_one_lock() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        var gate = new LockGate();
        int count = 0;
        void Work()
        {
            for (int i = 0; i < 200; i++)
            {
                gate.Enter();
                int seen = count;
                Thread.Yield();
                count = seen + 1;
                gate.Exit();
            }
        }

        Fiber[] fibers = [.. Enumerable.Range(0, 10).Select(_ => runtime.Spawn(Work))];
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Fiber fiber in fibers)
            fiber.Join();
        foreach (Thread thread in threads)
            thread.Join();
        count.ShouldBe(14 * 200);
    });

    private static void OneWaitsForTheOther(Gate gate) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        bool holding = false, done = false;
        using var release = new ManualResetEventSlim();
        Fiber first = runtime.Spawn(() =>
        {
            gate.Enter();
            Volatile.Write(ref holding, true);
            release.Wait(); // parks with the lock held
            Volatile.Write(ref done, true);
            gate.Exit();
        });
        Eventually.True(() => Volatile.Read(ref holding), "the first fiber holds the lock");
        bool tried = false;
        Fiber<bool> second = runtime.Spawn(() =>
        {
            gate.TryEnter().ShouldBeFalse();
            Volatile.Write(ref tried, true);
            gate.Enter();
            bool seen = Volatile.Read(ref done);
            gate.Exit();
            return seen;
        });
        Eventually.True(() => Volatile.Read(ref tried), "the second fiber came to the lock on the same carrier");
        second.Join(TimeSpan.FromMilliseconds(20)).ShouldBeFalse("the lock is held");
        release.Set();
        second.Join().ShouldBeTrue();
        first.Join();
    });

    private static void CountUnder(Gate gate, int carriers) => Bounded.Run(() =>
    {
        const int fibers = 100, rounds = 50;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        int count = 0;
        Fiber[] all = [.. Enumerable.Range(0, fibers).Select(_ => runtime.Spawn(() =>
        {
            for (int i = 0; i < rounds; i++)
            {
                gate.Enter();
                int seen = count;
                if (i % 8 == 0)
                    Fiber.Yield(); // somebody else runs here, and must not get in
                count = seen + 1;
                gate.Exit();
            }
        }))];
        foreach (Fiber fiber in all)
            fiber.Join();
        count.ShouldBe(fibers * rounds);
    });

    private abstract class Gate
    {
        public abstract void Enter();

        public abstract bool TryEnter();

        public abstract void Exit();
    }

    private sealed class MonitorGate : Gate
    {
        private readonly object _gate = new();

        public override void Enter() => Monitor.Enter(_gate);

        public override bool TryEnter() => Monitor.TryEnter(_gate);

        public override void Exit() => Monitor.Exit(_gate);
    }

    private sealed class LockGate : Gate
    {
        private readonly Lock _gate = new();

        public override void Enter() => _gate.Enter();

        public override bool TryEnter() => _gate.TryEnter();

        public override void Exit() => _gate.Exit();
    }

    private sealed class SemaphoreGate : Gate
    {
        private readonly SemaphoreSlim _gate = new(1);

        public override void Enter() => _gate.Wait();

        public override bool TryEnter() => _gate.Wait(0);

        public override void Exit() => _gate.Release();
    }

    private sealed class MutexGate : Gate
    {
        private readonly Mutex _gate = new();

        public override void Enter() => _gate.WaitOne();

        public override bool TryEnter() => _gate.WaitOne(0);

        public override void Exit() => _gate.ReleaseMutex();
    }
}
