using System.Collections.Concurrent;
using Fibers.Native;
using Fibers.Polling;

namespace Fibers.Scheduling;

/// <summary>Takes the list of descriptors closed anywhere in the process, and tells every scheduler.</summary>
internal static unsafe class ClosedDescriptors
{
    private static readonly NativeDescriptor* s_table = Load();
    private static readonly int* s_head = Shim.fibers_descriptor_closed();

    /// <summary>Any thread. A snapshot.</summary>
    public static bool Any => Volatile.Read(ref *s_head) != 0;

    /// <summary>Carrier only.</summary>
    public static void Drain(ConcurrentDictionary<nint, Scheduler> schedulers)
    {
        if (!Any)
            return;
        int descriptor = Interlocked.Exchange(ref *s_head, 0) - 1; // acquire; pairs with the closer's push
        while (descriptor >= 0)
        {
            NativeDescriptor* entry = s_table + descriptor;
            int next = Volatile.Read(ref entry->ClosedNext) - 1; // before it may be queued again
            Volatile.Write(ref entry->Queued, 0);
            foreach (Scheduler scheduler in schedulers.Values)
                scheduler.Poller.Descriptors.Closed(descriptor);
            descriptor = next;
        }
    }

    private static NativeDescriptor* Load()
    {
        int capacity;
        return Shim.fibers_descriptor_table(&capacity);
    }
}
