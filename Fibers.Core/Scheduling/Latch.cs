using System.Diagnostics.CodeAnalysis;
using Fibers.Native;
using Fibers.VirtualThreads;

namespace Fibers.Scheduling;

/// <summary>The lock of the library's own short lists: never parks, never lets an interrupt in, cannot be lost to a hidden wait.</summary>
/// <remarks>
/// A <see cref="Monitor"/> would park the fiber that meets it taken, and <see cref="Thread.Interrupt"/> (how cancellation reaches unmodified
/// waits) could throw in the middle of a queue. A fiber that holds a latch is pinned, so that it gives it back before anybody else gets its
/// carrier. For a few instructions only; nothing inside may call out. Ordering: enter acquires, exit releases.
/// </remarks>
internal unsafe struct Latch
{
    private int _taken;

    public Scope Enter() => Enter(VirtualThread.CurrentNative);

    /// <param name="fiber">The caller's own virtual thread, or null: an ordinary thread.</param>
    public Scope Enter(VirtualThread? fiber) => Enter(fiber is null ? null : fiber.Native);

    private Scope Enter(NativeVThread* fiber)
    {
        if (fiber != null)
            fiber->Pinned++;
        if (Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            Wait();
        return new Scope(fiber);
    }

    public void Exit(Scope scope)
    {
        Volatile.Write(ref _taken, 0);
        if (scope.Fiber != null)
            scope.Fiber->Pinned--;
    }

    /// <summary>As <see cref="Enter()"/>, until the end of the scope: for what may throw, which without memory is all that allocates.</summary>
    [UnscopedRef]
    public Held Hold() => new(ref this);

    private void Wait()
    {
        for (int round = 0; Volatile.Read(ref _taken) != 0 || Interlocked.CompareExchange(ref _taken, 1, 0) != 0; round++)
            Backoff(round);
    }

    /// <summary>Spins, then yields the kernel thread. Not <see cref="SpinWait"/>: that one sleeps for no time now and then, and there an interrupt would come in.</summary>
    public static void Backoff(int round)
    {
        if (round < 8)
            Thread.SpinWait(4 << round);
        else
            Thread.Yield();
    }

    public readonly ref struct Held
    {
        private readonly ref Latch _latch;
        private readonly Scope _scope;

        public Held(ref Latch latch)
        {
            _latch = ref latch;
            _scope = latch.Enter();
        }

        public void Dispose() => _latch.Exit(_scope);
    }

    public readonly struct Scope(NativeVThread* fiber)
    {
        public NativeVThread* Fiber { get; } = fiber;
    }
}
