using Fibers.Scheduling;

namespace Fibers.Diagnostics;

/// <summary>Every live fiber of a runtime that holds a permit: for Dispose and for dumps.</summary>
/// <remarks>Lists through the fibers themselves, in shards by id, each under its latch. Any thread.</remarks>
internal sealed class FiberRegistry
{
    private const int Shards = 16;
    private readonly Shard[] _shards = new Shard[Shards];

    public FiberRegistry()
    {
        for (int i = 0; i < Shards; i++)
            _shards[i] = new Shard();
    }

    public void Add(Fiber fiber)
    {
        Shard shard = ShardOf(fiber);
        Latch.Scope scope = shard.Latch.Enter();
        fiber.RegistryNext = shard.First;
        if (shard.First is not null)
            shard.First.RegistryPrevious = fiber;
        shard.First = fiber;
        shard.Spawned++;
        shard.Latch.Exit(scope);
    }

    /// <param name="fiber">One that is in it.</param>
    /// <param name="spawned">It has ended. False: nothing could be had for it, and it does not count.</param>
    public void Remove(Fiber fiber, bool spawned = true)
    {
        Shard shard = ShardOf(fiber);
        Latch.Scope scope = shard.Latch.Enter();
        if (spawned)
            shard.Ended++;
        else
            shard.Spawned--;
        if (fiber.RegistryPrevious is not null)
            fiber.RegistryPrevious.RegistryNext = fiber.RegistryNext;
        else
            shard.First = fiber.RegistryNext;
        if (fiber.RegistryNext is not null)
            fiber.RegistryNext.RegistryPrevious = fiber.RegistryPrevious;
        fiber.RegistryNext = fiber.RegistryPrevious = null;
        shard.Latch.Exit(scope);
    }

    /// <summary>Any thread. How many have been in it, and how many of those have ended; a snapshot.</summary>
    public (long Spawned, long Ended) Count()
    {
        (long Spawned, long Ended) sum = default;
        foreach (Shard shard in _shards)
        {
            Latch.Scope scope = shard.Latch.Enter();
            sum = (sum.Spawned + shard.Spawned, sum.Ended + shard.Ended);
            shard.Latch.Exit(scope);
        }

        return sum;
    }

    /// <summary>Those alive at some moment during the call, oldest first.</summary>
    public List<Fiber> Snapshot()
    {
        var all = new List<Fiber>();
        foreach (Shard shard in _shards)
            while (!TryAddAll(shard, all))
            {
            }

        all.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        return all;
    }

    // False: there were more meanwhile than room was made for. Nothing is allocated under the latch: without memory it would stay taken.
    private static bool TryAddAll(Shard shard, List<Fiber> all)
    {
        const int more = 16;
        int about = (int)Math.Max(0, Volatile.Read(ref shard.Spawned) - Volatile.Read(ref shard.Ended));
        all.EnsureCapacity(all.Count + about + more);
        Latch.Scope scope = shard.Latch.Enter();
        bool fits = shard.Spawned - shard.Ended <= all.Capacity - all.Count;
        for (Fiber? fiber = fits ? shard.First : null; fiber is not null; fiber = fiber.RegistryNext)
            all.Add(fiber);
        shard.Latch.Exit(scope);
        return fits;
    }

    private Shard ShardOf(Fiber fiber) => _shards[fiber.Id % Shards];

    private sealed class Shard
    {
        public Latch Latch; // a field: a latch is a mutable struct
        public Fiber? First;
        public long Spawned;
        public long Ended;
    }
}
