using Fibers.Diagnostics.Inspection;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Dumps;

/// <summary>From a lock's owner, which is a thread as .NET knows it, to the fiber that has it. Made for one dump.</summary>
internal sealed class Parties(FiberRuntime runtime)
{
    private Dictionary<int, Fiber>? _byManagedId; // made when the first owner is asked for
    private Dictionary<int, Fiber>? _bySystemId;

    public static PartySnapshot Of(Fiber fiber) => new(fiber.Id, null, fiber.Name) { Handle = fiber };

    /// <summary>Null: nobody at that moment, or somebody who cannot be found.</summary>
    public PartySnapshot? Owner(HeldLock held)
    {
        int id = held.OwnerManagedId != 0 ? held.OwnerManagedId : held.OwnerSystemId;
        if (id == 0)
            return null;
        if (_byManagedId is null || _bySystemId is null)
            Look(out _byManagedId, out _bySystemId);
        if ((held.OwnerManagedId != 0 ? _byManagedId : _bySystemId).TryGetValue(id, out Fiber? fiber))
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

    private unsafe void Look(out Dictionary<int, Fiber> byManagedId, out Dictionary<int, Fiber> bySystemId)
    {
        byManagedId = [];
        bySystemId = [];
        foreach (Fiber fiber in runtime.Registry.Snapshot())
        {
            if (fiber.VirtualThread is not { Thread: { } thread } host)
                continue;
            byManagedId[thread.ManagedThreadId] = fiber;
            bySystemId[host.Native->VirtualTid] = fiber;
        }
    }
}
