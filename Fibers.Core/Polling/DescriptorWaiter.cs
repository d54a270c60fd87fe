using Fibers.VirtualThreads;

namespace Fibers.Polling;

/// <summary>One fiber's place in the waiting list of one descriptor. Fields are guarded by the record's lock.</summary>
internal sealed class DescriptorWaiter(VirtualThread thread)
{
    public readonly VirtualThread Thread = thread;
    public ulong Number;
    public uint Events;
    public volatile DescriptorRecord? Record; // the list it is in, or null
    public DescriptorWaiter? Next;
    public DescriptorWaiter? Previous;
}
