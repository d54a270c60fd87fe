using Fibers.Native;
using Fibers.Scheduling;

namespace Fibers.VirtualThreads;

/// <summary>Idle virtual threads, kept because creating one costs a kernel thread's birth and death.</summary>
internal sealed unsafe class VirtualThreadPool : IDisposable
{
    private const long RetryNs = 10_000_000;

    private readonly Scheduler _scheduler;
    private readonly void* _stacks;
    private VirtualThread? _idle; // a list through IdleNext, so that nothing is allocated under the latch; newest first: its stack is warm
    private Latch _latch;         // guards the list, _count and _floor
    private int _count;
    private long _created;
    private long _destroyed;
    private int _floor; // fewest idle since the last trim: so many were not needed

    public VirtualThreadPool(Scheduler scheduler, int stackSize)
    {
        _scheduler = scheduler;
        _stacks = Shim.fibers_stacks_create((nuint)stackSize);
        if (_stacks == null)
            throw new OutOfMemoryException("No memory for the stacks of fibers.");
    }

    public long Created => Volatile.Read(ref _created);

    public long Destroyed => Volatile.Read(ref _destroyed);

    public int Idle
    {
        get
        {
            Latch.Scope scope = _latch.Enter();
            int count = _count;
            _latch.Exit(scope);
            return count;
        }
    }

    /// <summary>Any thread; may block it for as long as a creation takes. Null when none can be had.</summary>
    public VirtualThread? Rent()
    {
        if (TryTakeIdle(out VirtualThread? idle))
            return idle;
        VirtualThread? created = VirtualThread.TryCreate(_scheduler, _stacks, out _);
        if (created is not null)
            Interlocked.Increment(ref _created);
        return created;
    }

    /// <summary>Any thread; never parks. The virtual thread has left its fiber and is nobody's.</summary>
    public void Return(VirtualThread thread)
    {
        Latch.Scope scope = _latch.Enter();
        thread.IdleNext = _idle;
        _idle = thread;
        _count++;
        _latch.Exit(scope);
    }

    /// <summary>Any thread; blocks it. Destroys what was idle since the last call, and what is above the limit; as far as there are kernel threads for that.</summary>
    public void Trim(int limit)
    {
        Latch.Scope scope = _latch.Enter();
        int surplus = Math.Max(_floor / 2, _count - limit); // half: a pause is not the end of work
        _floor = _count;
        _latch.Exit(scope);
        while (surplus-- > 0 && TryTakeIdle(out VirtualThread? idle))
        {
            if (TryDestroy(idle))
                continue;
            Return(idle); // no kernel thread can be had to end it on: the next trim tries again
            return;
        }
    }

    /// <summary>Every virtual thread must be idle. Waits until there is a kernel thread to end each on: one that is left behind would keep its stack, and .NET its thread.</summary>
    public void Dispose()
    {
        while (TryTakeIdle(out VirtualThread? idle))
            while (!TryDestroy(idle))
                Shim.fibers_block_kernel_thread(RetryNs); // no interrupt comes in there
        Shim.fibers_stacks_destroy(_stacks);
    }

    /// <summary>Any thread; never blocks.</summary>
    public bool TryTakeIdle([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out VirtualThread? idle)
    {
        Latch.Scope scope = _latch.Enter();
        idle = _idle;
        if (idle is not null)
        {
            _idle = idle.IdleNext;
            idle.IdleNext = null;
            _count--;
        }

        _floor = Math.Min(_floor, _count);
        _latch.Exit(scope);
        return idle is not null;
    }

    private bool TryDestroy(VirtualThread thread)
    {
        bool destroyed = thread.TryDestroy();
        if (destroyed)
            Interlocked.Increment(ref _destroyed);
        return destroyed;
    }
}
