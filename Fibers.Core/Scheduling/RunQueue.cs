using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Fibers.Scheduling;

/// <summary>A carrier's own queue of runnable fibers: a bounded ring; the owner pushes and pops, others steal half.</summary>
/// <remarks>
/// <para>From: the algorithm of Go's <c>runq</c> as tokio refined it (two heads, so that a thief may empty its slots).</para>
/// <para>
/// Invariant: slots from <c>steal</c> up to <c>tail</c> (at most <see cref="Capacity"/>) hold fibers; <c>steal</c> up to <c>real</c>
/// are being copied by the one thief at work (none when the two are equal); <c>real</c> up to <c>tail</c> are for the taking. All three
/// only grow, modulo 2^32.
/// </para>
/// <para>Who: Push, Pop: owner only. StealInto: any other carrier, into its own queue. Count, IsEmpty: any thread, a snapshot.</para>
/// <para>
/// Ordering: tail is written with release by the owner (pairs with the thief's acquire: the slots below it are filled). The
/// heads change by compare-exchange only; a thief gives its slots back by moving <c>steal</c> after it has cleared them (release; pairs with
/// the owner's acquire in Push, which may then overwrite).
/// </para>
/// </remarks>
internal sealed class RunQueue
{
    public const int Capacity = 256;
    private const int Crowd = 16; // from so many on it pays to look ahead: what fewer need stays in the nearest cache
    private const uint Mask = Capacity - 1;

    private readonly Slot[] _slots = new Slot[Capacity];
    private ulong _heads;
    private uint _tail;

    /// <summary>Tests begin close to the wrap-around, so that it happens.</summary>
    public RunQueue(uint start = 0)
    {
        _heads = new Heads(start, start).Raw;
        _tail = start;
    }

    /// <summary>Any thread. A snapshot.</summary>
    public int Count => (int)(Volatile.Read(ref _tail) - new Heads(Volatile.Read(ref _heads)).Real);

    public bool IsEmpty => Count <= 0;

    /// <summary>Any thread. Changes whenever somebody takes something; a snapshot.</summary>
    public uint Taken => new Heads(Volatile.Read(ref _heads)).Real;

    /// <summary>Owner only. When full, the older half and the fiber go to <paramref name="overflow"/> instead.</summary>
    public void Push(Fiber fiber, InjectQueue overflow)
    {
        while (true)
        {
            var heads = new Heads(Volatile.Read(ref _heads)); // acquire; pairs with a thief's last exchange: its slots are clear
            uint tail = _tail;                                // plain: only we write it
            if (tail - heads.Steal < Capacity)
            {
                _slots[tail & Mask].Fiber = fiber;
                Volatile.Write(ref _tail, tail + 1); // release; pairs with the thief's read of the tail
                return;
            }

            if (heads.Steal != heads.Real || !MoveHalf(heads, overflow))
                continue; // a thief is making room, or took some: look again
            overflow.Push(fiber);
            return;
        }
    }

    /// <summary>Owner only. Oldest first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Fiber? Pop()
    {
        var heads = new Heads(Volatile.Read(ref _heads));
        while (heads.Real != _tail)
        {
            uint next = heads.Real + 1;
            Heads claimed = heads.Steal == heads.Real ? new Heads(next, next) : new Heads(heads.Steal, next);
            ulong seen = Interlocked.CompareExchange(ref _heads, claimed.Raw, heads.Raw);
            if (seen == heads.Raw)
            {
                ref Fiber? slot = ref _slots[heads.Real & Mask].Fiber;
                Fiber fiber = slot!;
                slot = null;
                if (_tail - next >= Crowd && Sse.IsSupported)
                    FetchAhead(next);
                return fiber;
            }

            heads = new Heads(seen);
        }

        return null;
    }

    // To switch to a fiber is to follow a chain: fiber, virtual thread, native half, stack. Among hundreds every link is missing from the caches, and each waits for the one
    // before. So what is asked for in one turn is followed in the next: each of the next three is fetched one step further. Any of them may have been stolen meanwhile, or
    // be on its way into a thief's queue: then this was for nothing. Only x64 has an instruction for it that .NET knows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FetchAhead(uint next)
    {
        _slots[(next + 2) & Mask].Fiber?.Fetch();
        _slots[(next + 1) & Mask].Fiber?.VirtualThread?.FetchNative();
        _slots[next & Mask].Fiber?.VirtualThread?.FetchStack();
    }

    /// <summary>Any other carrier, into its own queue. Returns one of the stolen to run at once; null when there is nothing to steal, or no room for it.</summary>
    public Fiber? StealInto(RunQueue own)
    {
        if (!own.HasRoomForHalf || !TryClaimHalf(out Claim claim))
            return null;
        Fiber first = Move(claim, own);
        GiveBack();
        return first;
    }

    // Slots that a thief of ours still copies are not free, although the queue may be empty. The owner asks: room only grows under it.
    private bool HasRoomForHalf => _tail - new Heads(Volatile.Read(ref _heads)).Steal <= Capacity / 2;

    /// <summary>A thief. The older half, rounded up, is its own until <see cref="GiveBack"/>; no second thief gets in meanwhile.</summary>
    internal bool TryClaimHalf(out Claim claim)
    {
        claim = default;
        var heads = new Heads(Volatile.Read(ref _heads));
        while (true)
        {
            if (heads.Steal != heads.Real)
                return false; // another thief is at work
            uint available = Volatile.Read(ref _tail) - heads.Real; // acquire; pairs with Push
            uint count = available - available / 2;
            if (count == 0 || available > Capacity)
                return false; // nothing, or the heads are out of date
            ulong seen = Interlocked.CompareExchange(ref _heads, new Heads(heads.Steal, heads.Real + count).Raw, heads.Raw);
            if (seen == heads.Raw)
            {
                claim = new Claim(heads.Real, count);
                return true;
            }

            heads = new Heads(seen);
        }
    }

    /// <summary>The thief that holds the claim: all but the first go to its own queue.</summary>
    internal Fiber Move(Claim claim, RunQueue own)
    {
        Fiber? first = null;
        uint ownTail = own._tail;
        for (uint i = 0; i < claim.Count; i++)
        {
            ref Fiber? slot = ref _slots[(claim.First + i) & Mask].Fiber;
            if (i == 0)
                first = slot;
            else
                own._slots[ownTail++ & Mask].Fiber = slot;
            slot = null;
        }

        Volatile.Write(ref own._tail, ownTail); // release; pairs with thieves of ours
        return first!;
    }

    /// <summary>The thief is done: what it took may be overwritten. The owner may have popped meanwhile.</summary>
    internal void GiveBack()
    {
        var heads = new Heads(Volatile.Read(ref _heads));
        while (true)
        {
            ulong seen = Interlocked.CompareExchange(ref _heads, new Heads(heads.Real, heads.Real).Raw, heads.Raw);
            if (seen == heads.Raw)
                return;
            heads = new Heads(seen);
        }
    }

    /// <summary>Slots a thief has claimed.</summary>
    internal readonly record struct Claim(uint First, uint Count);

    /// <summary>Any thread; for dumps and tests, only exact while nobody works on the queue.</summary>
    public void AssertInvariants()
    {
        var heads = new Heads(Volatile.Read(ref _heads));
        uint tail = Volatile.Read(ref _tail);
        Debug.Assert(heads.Real - heads.Steal <= Capacity);
        Debug.Assert(tail - heads.Steal <= Capacity);
    }

    public override string ToString() => $"{new Heads(Volatile.Read(ref _heads))} tail {_tail}";

    private bool MoveHalf(Heads heads, InjectQueue overflow)
    {
        const uint half = Capacity / 2;
        if (Interlocked.CompareExchange(ref _heads, new Heads(heads.Real + half, heads.Real + half).Raw, heads.Raw) != heads.Raw)
            return false;
        // Chained, not copied into an array: without memory for one they would be in no queue any more.
        Fiber first = Take(heads.Real), last = first;
        for (uint i = 1; i < half; i++)
            last = last.QueueNext = Take(heads.Real + i);
        overflow.Push(first, last, (int)half);
        return true;
    }

    // One that is claimed.
    private Fiber Take(uint position)
    {
        ref Fiber? slot = ref _slots[position & Mask].Fiber;
        Fiber fiber = slot!;
        slot = null;
        return fiber;
    }

    // An array of references would check the type of each that is stored.
    private struct Slot
    {
        public Fiber? Fiber;
    }

    /// <summary>Both heads in one word.</summary>
    private readonly struct Heads(ulong raw)
    {
        public Heads(uint steal, uint real) : this((ulong)steal << 32 | real)
        {
        }

        public ulong Raw { get; } = raw;
        public uint Steal => (uint)(Raw >> 32);
        public uint Real => (uint)Raw;

        public override string ToString() => $"steal {Steal} real {Real}";
    }
}
