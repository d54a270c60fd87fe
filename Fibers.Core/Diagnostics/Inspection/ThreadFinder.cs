namespace Fibers.Diagnostics.Inspection;

/// <summary>The runtime's list of its threads. Read without its lock, so what is found may be out of date, but reading it harms nobody.</summary>
internal sealed class ThreadFinder(RuntimeContract contract)
{
    private const int MaxThreads = 200_000;

    /// <summary>One of them: the native object, the managed id and the system's.</summary>
    public readonly record struct Found(nint Native, int ManagedId, long SystemId);

    /// <exception cref="UnreadableException">The list changed meanwhile.</exception>
    public Found? Find(Func<Found, bool> match)
    {
        int link = contract.Offset("Thread", "LinkNext");
        nint next = ProcessMemory.Pointer(ProcessMemory.Pointer(contract.Address("ThreadStore")) + contract.Offset("ThreadStore", "FirstThreadLink"));
        for (int i = 0; next != 0 && i < MaxThreads; i++)
        {
            nint thread = next - link;
            var found = new Found(thread, ProcessMemory.Read<int>(thread + contract.Offset("Thread", "Id")), ProcessMemory.Read<long>(thread + contract.Offset("Thread", "OSId")));
            if (match(found))
                return found;
            next = ProcessMemory.Pointer(thread + link);
        }

        return null;
    }
}
