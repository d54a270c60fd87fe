using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fibers.Native;
using Fibers.Parking;

namespace Fibers.Polling;

/// <summary>Waits for descriptors, the inbox's wake-up among them. One carrier at a time blocks in it; any may look.</summary>
internal sealed unsafe class EpollPoller : IDisposable
{
    private const int Capacity = 256;
    private const ulong WakeUp = ulong.MaxValue;

    // struct epoll_event is packed on x64 only.
    private static readonly int s_stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private readonly int _epoll;
    private readonly NativeInbox* _inbox;

    public EpollPoller(NativeInbox* inbox)
    {
        _inbox = inbox;
        _epoll = Shim.fibers_epoll_create();
        if (_epoll < 0)
            throw new InvalidOperationException($"No epoll descriptor could be had: error {-_epoll}.");
        int error = Shim.fibers_epoll_add(_epoll, inbox->EventDescriptor, DescriptorTable.In, WakeUp); // level-triggered: cleared by reading
        if (error != 0)
        {
            Shim.fibers_close(_epoll);
            throw new InvalidOperationException($"The inbox could not be added to epoll: error {-error}.");
        }

        Descriptors = new DescriptorTable(_epoll);
    }

    public DescriptorTable Descriptors { get; }

    /// <summary>Carrier only; blocks its kernel thread up to the timeout (0: just looks; negative: for ever). Makes the fibers it finds runnable.</summary>
    [SkipLocalsInit]
    public int Poll(long timeoutNs)
    {
        byte* events = stackalloc byte[Capacity * 16];
        int count = Shim.fibers_epoll_wait(_epoll, events, Capacity, timeoutNs);
        for (int i = 0; i < count; i++)
        {
            byte* entry = events + i * s_stride;
            uint mask = *(uint*)entry;
            ulong data = *(ulong*)(entry + s_stride - 8);
            if (data != WakeUp)
                Descriptors.Ready((int)(uint)data, (uint)(data >> 32), mask);
            else if (timeoutNs != 0)
                Shim.fibers_inbox_acknowledge(_inbox); // whoever only looks leaves the wake-up to the one that blocks here, or is about to
        }

        return count;
    }

    public void Dispose() => Shim.fibers_close(_epoll);
}
