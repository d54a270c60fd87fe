using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>One lock, two kinds of caller at a time, all sixteen pairs, under forced collections: exclusion holds, and nobody sleeps for ever.</summary>
public class LocksSharedByAll
{
    private const int CallersOfEachKind = 8;
    private const int Rounds = 30;

    public enum Caller
    {
        Fiber,
        PoolThread,
        OwnThread,
        Continuation,
    }

    public enum Kind
    {
        Monitor,
        Lock,
        SemaphoreSlim,
    }

    public static TheoryData<Kind, Caller, Caller> Pairs()
    {
        var pairs = new TheoryData<Kind, Caller, Caller>();
        foreach (Kind kind in Enum.GetValues<Kind>())
            foreach (Caller one in Enum.GetValues<Caller>())
                foreach (Caller other in Enum.GetValues<Caller>())
                    pairs.Add(kind, one, other);
        return pairs;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Exclusion_holds_and_nobody_sleeps_for_ever(Kind kind, Caller one, Caller other) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        var shared = new Shared(kind);
        using (new Collecting())
        {
            Task[] callers = [.. Enumerable.Range(0, 2 * CallersOfEachKind).Select(i => Start(runtime, i % 2 == 0 ? one : other, shared))];
            Task.WaitAll(callers);
        }

        shared.Count.ShouldBe(2 * CallersOfEachKind * Rounds);
    });

    private static Task Start(FiberRuntime runtime, Caller caller, Shared shared)
    {
        switch (caller)
        {
            case Caller.Fiber:
                return runtime.SpawnConcurrent(() => Work(shared)).AsTask();
            case Caller.PoolThread:
                return Task.Run(() => Work(shared));
            case Caller.OwnThread:
                return Task.Factory.StartNew(() => Work(shared), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            case Caller.Continuation:
                return Continue(shared);
            default:
                throw new ArgumentOutOfRangeException(nameof(caller), caller, null);
        }
    }

    private static void Work(Shared shared)
    {
        for (int round = 0; round < Rounds; round++)
            shared.Add(round);
    }

    private static async Task Continue(Shared shared)
    {
        for (int round = 0; round < Rounds; round++)
        {
            await Task.Yield();
            shared.Add(round);
        }
    }

    private sealed class Shared(Kind kind)
    {
        private readonly object _monitor = new();
        private readonly Lock _lock = new();
        private readonly SemaphoreSlim _semaphore = new(1);
        private int _inside;

        public int Count { get; private set; }

        public void Add(int round)
        {
            switch (kind)
            {
                case Kind.Monitor:
                    lock (_monitor)
                        Increment(round);
                    break;
                case Kind.Lock:
                    lock (_lock)
                        Increment(round);
                    break;
                case Kind.SemaphoreSlim:
                    _semaphore.Wait();
                    Increment(round);
                    _semaphore.Release();
                    break;
            }
        }

        // Read, give others a chance to break in, write: without exclusion some would be lost.
        private void Increment(int round)
        {
            Interlocked.Increment(ref _inside).ShouldBe(1);
            object garbage = new byte[64];
            int seen = Count;
            if (round % 5 == 0)
                Thread.Sleep(round % 2);
            Count = seen + 1;
            Interlocked.Decrement(ref _inside);
            GC.KeepAlive(garbage);
        }
    }

    // One collection after another, as long as it lives.
    private sealed class Collecting : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _stop;

        public Collecting()
        {
            _thread = new Thread(() =>
            {
                for (int i = 0; !_stop; i++)
                {
                    GC.Collect(i % 8 == 0 ? 2 : 0, GCCollectionMode.Forced, blocking: true);
                    Thread.Sleep(1); // leaves the others time between
                }
            })
            { IsBackground = true };
            _thread.Start();
        }

        public void Dispose()
        {
            _stop = true;
            _thread.Join();
        }
    }
}
