namespace Fibers.Benchmarks.Torture;

/// <summary>What the parts share: the things they contend for, and the word to stop.</summary>
internal sealed class World(FiberRuntime runtime, int seed)
{
    private const int Contended = 4;
    private readonly Guarded<object>[] _monitors = Make<object>();
    private readonly Guarded<Lock>[] _locks = Make<Lock>();
    private volatile bool _stopping;
    private long _entered;

    public FiberRuntime Runtime { get; } = runtime;

    public int Seed { get; } = seed;

    public SemaphoreSlim Semaphore { get; } = new(3);

    public bool Stopping => _stopping;

    public void Stop() => _stopping = true;

    public Guarded<object> Monitor(int choice) => _monitors[choice % Contended];

    public Guarded<Lock> Lock(int choice) => _locks[choice % Contended];

    public void CountEntry() => Interlocked.Increment(ref _entered);

    /// <summary>Everybody has ended: what was counted under the locks must be what was counted without them.</summary>
    public void VerifyLocks()
    {
        long guarded = _monitors.Sum(static g => g.Count) + _locks.Sum(static g => g.Count);
        Verify.That(guarded == _entered, $"locks were entered {_entered} times, but counted {guarded} times inside: two fibers were inside at once");
        Verify.That(Semaphore.CurrentCount == 3, $"the semaphore ended at {Semaphore.CurrentCount} instead of 3");
    }

    private static Guarded<T>[] Make<T>() where T : new() => [.. Enumerable.Range(0, Contended).Select(static _ => new Guarded<T>(new T()))];

    /// <summary>A lock, and a count that only it protects.</summary>
    public sealed class Guarded<T>(T gate)
    {
        public T Gate { get; } = gate;

        public long Count { get; set; }
    }
}
