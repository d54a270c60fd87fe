using Fibers.VirtualThreads;

namespace Fibers.Scheduling;

/// <summary>The lock of the library's own short lists: never parks, never lets an interrupt in, cannot be lost to a hidden wait.</summary>
/// <remarks>
/// A <see cref="Monitor"/> would park the fiber that meets it taken, and <see cref="Thread.Interrupt"/> (how cancellation reaches unmodified
/// waits) could throw in the middle of a queue. A fiber that holds a latch is pinned, so that it gives it back before anybody else gets its
/// carrier. For a few instructions only; nothing inside may call out. Ordering: enter acquires, exit releases.
/// </remarks>
internal struct Latch
{
    private int _taken;

    public Scope Enter()
    {
        VirtualThread? fiber = VirtualThread.Current;
        fiber?.Pin();
        if (Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            Wait();
        return new Scope(fiber);
    }

    public void Exit(Scope scope)
    {
        Volatile.Write(ref _taken, 0);
        scope.Fiber?.Unpin();
    }

    private void Wait()
    {
        var spin = new SpinWait();
        while (Volatile.Read(ref _taken) != 0 || Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            spin.SpinOnce(sleep1Threshold: -1); // spins, then yields the kernel thread; never sleeps
    }

    public readonly struct Scope(VirtualThread? fiber)
    {
        public VirtualThread? Fiber { get; } = fiber;
    }
}
