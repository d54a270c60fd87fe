using Fibers.VirtualThreads;

namespace Fibers.Scheduling;

/// <summary>A virtual thread's one place among the timers. Guarded by the lock of <see cref="Timers"/>.</summary>
internal sealed class TimerNode(VirtualThread thread)
{
    public readonly VirtualThread Thread = thread;
    public long DeadlineNs;
    public ulong Number;
    public volatile int HeapIndex = -1; // -1: in no heap; read without the lock by the carrier that mounts the thread
}
