using Fibers.Native;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers.Polling;

/// <summary>Who waits for which descriptor.</summary>
/// <remarks>
/// <para>
/// Edge-triggered, each file registered once until it is closed. An edge comes once, and whoever waits has looked before: so edges are counted,
/// and a fiber says how many there had been when it looked. If there are more by the time it is to wait, it is sent to look again. (Not: remembered until
/// somebody comes. Of two who come, the first would take the edge, and perhaps leave data behind.)
/// </para>
/// <para>
/// Numbers are reused, so each has a generation, changed by
/// every close in the process; its low byte counts those under way (redirect_descriptors.c). Ordering against closers: we set interest, then
/// compare the generation again; they change the generation, then look at interest.
/// </para>
/// </remarks>
internal sealed unsafe class DescriptorTable
{
    public const uint In = 0x1, Priority = 0x2, Out = 0x4, Error = 0x8, HangUp = 0x10, ReadHangUp = 0x2000;
    private const uint EdgeTriggered = 1u << 31;
    internal const uint ClosesUnderWay = 255;

    private static readonly NativeDescriptor* s_native;
    private static readonly int s_capacity;

    private readonly int _epoll;
    private readonly Lock _growth = new();
    private DescriptorRecord?[] _records = new DescriptorRecord?[256];

    public DescriptorTable(int epoll) => _epoll = epoll;

    static DescriptorTable()
    {
        int capacity;
        s_native = Shim.fibers_descriptor_table(&capacity);
        s_capacity = capacity;
    }

    /// <summary>Carrier only. Performs a wait for one descriptor; may find that it need not wait at all.</summary>
    public void Wait(VirtualThread thread, in NativeRequest request)
    {
        DescriptorWaiter waiter = thread.NeedWaiter();
        waiter.Number = request.ParkNumber;
        waiter.Events = request.Events;
        Wait(waiter, request.Descriptor, request.Generation, request.Edges);
    }

    /// <summary>Carrier only. Performs a wait for any of several descriptors.</summary>
    public void WaitAny(VirtualThread thread, ReadOnlySpan<NativePollEntry> entries, ulong number)
    {
        var waiters = new DescriptorWaiter[entries.Length];
        thread.PollWaiters = waiters;
        for (int i = 0; i < entries.Length; i++)
            waiters[i] = new DescriptorWaiter(thread) { Number = number, Events = entries[i].Events };
        for (int i = 0; i < entries.Length; i++)
            Wait(waiters[i], entries[i].Descriptor, entries[i].Generation, entries[i].Edges);
    }

    /// <summary>Carrier only, before the fiber runs again: it leaves whatever lists it is still in.</summary>
    public static void Leave(VirtualThread thread)
    {
        if (thread.Waiter is { Record: { } record } own)
            Leave(record, own);
        if (thread.PollWaiters is not { } waiters)
            return;
        thread.PollWaiters = null;
        foreach (DescriptorWaiter waiter in waiters)
            if (waiter.Record is { } other)
                Leave(other, waiter);
    }

    /// <summary>Carrier only. An edge came.</summary>
    public void Ready(int descriptor, uint generation, uint epollEvents)
    {
        if (Find(descriptor) is not { } record)
            return;
        uint events = 0;
        if ((epollEvents & (In | Priority | ReadHangUp | HangUp | Error)) != 0)
            events |= In;
        if ((epollEvents & (Out | HangUp | Error)) != 0)
            events |= Out;
        if ((epollEvents & Priority) != 0)
            events |= Priority;
        lock (record)
        {
            if (record.Generation != generation)
                return; // about an earlier file of that number
            Count(ref s_native[descriptor], generation, mayEnd: (epollEvents & (Priority | ReadHangUp | HangUp | Error)) != 0);
            record.WakeAll(events, Wake.Ready);
        }
    }

    /// <summary>Carrier only. The file of that number has been closed: nobody will hear of it any more.</summary>
    public void Closed(int descriptor)
    {
        if (Find(descriptor) is not { } record)
            return;
        lock (record)
        {
            if (record.Generation != Volatile.Read(ref s_native[descriptor].Generation))
                Forget(record);
        }
    }

    // Before anybody is woken. Other schedulers count, too.
    private static void Count(ref NativeDescriptor entry, uint generation, bool mayEnd)
    {
        while (mayEnd)
        {
            uint before = Volatile.Read(ref entry.Ending);
            bool isOld = (Volatile.Read(ref entry.Generation) & ~ClosesUnderWay) != generation; // another scheduler may know of the next file
            if (isOld || Interlocked.CompareExchange(ref entry.Ending, generation + 1, before) == before) // zero is none
                break;
        }

        Interlocked.Increment(ref entry.Edges);
    }

    private void Wait(DescriptorWaiter waiter, int descriptor, uint generation, uint edges)
    {
        if ((uint)descriptor >= (uint)s_capacity)
        {
            Fail(waiter, 9 /* EBADF */);
            return;
        }

        DescriptorRecord record = FindOrAdd(descriptor);
        ref uint current = ref s_native[descriptor].Generation;
        lock (record)
        {
            if (Volatile.Read(ref current) != generation || IsClosing(generation))
            {
                waiter.Thread.TryWake(waiter.Number, Wake.Closed);
                return;
            }

            if (!record.Registered || record.Generation != generation)
            {
                Forget(record);
                int error = Register(record, generation);
                if (error != 0)
                {
                    Fail(waiter, error);
                    return;
                }
            }

            if (Volatile.Read(ref s_native[descriptor].Edges) != edges)
            {
                waiter.Thread.TryWake(waiter.Number, Wake.Ready);
                return;
            }

            record.Link(waiter);
            Interlocked.MemoryBarrier(); // pairs with the closer's: either it sees our interest or we its change
            if (Volatile.Read(ref current) != generation)
                Forget(record);
        }
    }

    // Whether the file of that number is the old one or the next, nobody can say.
    private static bool IsClosing(uint generation) => (generation & ClosesUnderWay) != 0;

    private int Register(DescriptorRecord record, uint generation)
    {
        record.Generation = generation;
        Volatile.Write(ref s_native[record.Descriptor].Interest, 1);
        int error = -Shim.fibers_epoll_add(_epoll, record.Descriptor, In | Priority | Out | ReadHangUp | EdgeTriggered, (uint)record.Descriptor | (ulong)generation << 32);
        record.Registered = error == 0;
        return error;
    }

    // With the record's lock held.
    private static void Forget(DescriptorRecord record)
    {
        record.Registered = false;
        record.WakeAll(uint.MaxValue, Wake.Closed);
    }

    private static void Fail(DescriptorWaiter waiter, int error)
    {
        waiter.Thread.Native->Request.Error = error;
        waiter.Thread.TryWake(waiter.Number, Wake.Failed);
    }

    private static void Leave(DescriptorRecord record, DescriptorWaiter waiter)
    {
        lock (record)
            record.Unlink(waiter);
    }

    private DescriptorRecord? Find(int descriptor)
    {
        DescriptorRecord?[] records = Volatile.Read(ref _records);
        return (uint)descriptor < (uint)records.Length ? records[descriptor] : null;
    }

    private DescriptorRecord FindOrAdd(int descriptor)
    {
        if (Find(descriptor) is { } found)
            return found;
        lock (_growth)
        {
            if (descriptor >= _records.Length)
            {
                var grown = new DescriptorRecord?[Math.Max(_records.Length * 2, descriptor + 1)];
                _records.CopyTo(grown, 0);
                Volatile.Write(ref _records, grown);
            }

            return _records[descriptor] ??= new DescriptorRecord(descriptor);
        }
    }
}
