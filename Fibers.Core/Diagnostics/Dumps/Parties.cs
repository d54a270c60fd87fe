using Fibers.Diagnostics.Inspection;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Dumps;

/// <summary>From a lock's owner, which is a thread as .NET knows it, to the fiber that has it. Made for one dump.</summary>
internal sealed class Parties
{
    private readonly Dictionary<int, Fiber> _byManagedId = [];
    private readonly Dictionary<int, Fiber> _bySystemId = [];

    public Parties(IEnumerable<Fiber> fibers)
    {
        foreach (Fiber fiber in fibers)
            if (fiber.VirtualThread is { Thread: { } thread } host)
                Add(fiber, thread, host);
    }

    public static PartySnapshot Of(Fiber fiber) => new(fiber.Id, null, fiber.Name);

    public static PartySnapshot Of(FiberSnapshot fiber) => new(fiber.Id, null, fiber.Name);

    /// <summary>Null: nobody at that moment, or somebody who cannot be found.</summary>
    public PartySnapshot? Owner(HeldLock held)
    {
        Dictionary<int, Fiber> fibers = held.OwnerManagedId != 0 ? _byManagedId : _bySystemId;
        int id = held.OwnerManagedId != 0 ? held.OwnerManagedId : held.OwnerSystemId;
        if (id == 0)
            return null;
        if (fibers.TryGetValue(id, out Fiber? fiber))
            return Of(fiber);
        try
        {
            return Inspector.Current?.Threads.Find(thread => held.OwnerManagedId != 0 ? thread.ManagedId == id : thread.SystemId == id) is { } found
                ? new PartySnapshot(null, found.ManagedId, KernelThread.NameOf(found.SystemId))
                : null;
        }
        catch (UnreadableException)
        {
            return null;
        }
    }

    private unsafe void Add(Fiber fiber, Thread thread, VirtualThread host)
    {
        _byManagedId[thread.ManagedThreadId] = fiber;
        _bySystemId[host.Native->VirtualTid] = fiber;
    }
}
