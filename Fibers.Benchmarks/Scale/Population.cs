using System.Diagnostics;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Scale;

/// <summary>Many of one kind, all parked, each at a gate of its own.</summary>
internal abstract class Population(int depth) : IDisposable
{
    private readonly CountdownEvent _passed = new(1);
    private readonly List<Waiter> _waiters = [];

    /// <summary>How a waiter's gate runs what waits there. Waking a fiber or a thread is short and is done in place; the rest of an async method is a user's code.</summary>
    protected virtual TaskCreationOptions Gate => TaskCreationOptions.None;

    public virtual FiberUse FiberUse => default;

    public IEnumerable<nint> StackAddresses => _waiters.Select(static waiter => waiter.StackAddress);

    public static Population Of(string? kind, int depth) => kind switch
    {
        "fibers" => new FiberPopulation(depth, Fiber.Await),
        "fibers-unmodified" => new FiberPopulation(depth, static task => task.Wait()),
        "threads" => new ThreadPopulation(depth),
        "async" => new StateMachinePopulation(depth),
        _ => throw new ArgumentException($"There is no population of '{kind}'."),
    };

    /// <summary>Creates so many and waits until all have come to their gates.</summary>
    public TimeSpan Add(int count)
    {
        using var arrived = new CountdownEvent(count);
        _passed.AddCount(count);
        _waiters.EnsureCapacity(_waiters.Count + count);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            var waiter = new Waiter(depth, arrived, _passed, Gate);
            _waiters.Add(waiter);
            Start(waiter);
        }

        arrived.Wait();
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Opens all gates, one after another, and waits until all have gone through.</summary>
    public TimeSpan WakeAll()
    {
        long start = Stopwatch.GetTimestamp();
        foreach (Waiter waiter in _waiters)
            waiter.Open();
        _passed.Signal();
        _passed.Wait();
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>After <see cref="WakeAll"/>: waits until nothing is left of them.</summary>
    public TimeSpan End()
    {
        long start = Stopwatch.GetTimestamp();
        WaitForTheEnd();
        return Stopwatch.GetElapsedTime(start);
    }

    public virtual void Dispose() => _passed.Dispose();

    protected abstract void Start(Waiter waiter);

    protected abstract void WaitForTheEnd();
}
