using System.Diagnostics.CodeAnalysis;

namespace Fibers.Parking;

/// <summary>Those who wait for one fiber to end.</summary>
/// <remarks>
/// What: a stack of waiters with a final "closed" mark. Invariant: once closed, nobody is added, and everybody added
/// before is woken exactly once. Who: any thread adds; whoever completes the fiber closes, once. Ordering: add is a
/// compare-exchange (release of the waiter's number), close an exchange (acquire of all of them, release of the result).
/// Whoever waited in vain (a time-out) stays in the list, but only until somebody is added on top of it: so asking again and again adds nothing.
/// </remarks>
internal struct JoinList
{
    private static readonly Waiter s_closed = new(null, null);
    private Waiter? _head;

    public readonly bool IsClosed => Volatile.Read(in _head) == s_closed; // acquire; pairs with Close: the result is visible

    /// <summary>Any thread. False: already closed, nothing was added.</summary>
    public bool TryAdd(Waiter waiter)
    {
        Waiter? head = Volatile.Read(ref _head);
        while (head != s_closed)
        {
            waiter.Next = SkipPast(head);
            Waiter? seen = Interlocked.CompareExchange(ref _head, waiter, head);
            if (seen == head)
                return true;
            head = seen;
        }

        return false;
    }

    /// <summary>Any thread. A snapshot: nobody else waits, and nothing else is to be done at the end.</summary>
    public readonly bool IsSole([NotNullWhen(true)] out Parker? parker, out ulong number)
    {
        Waiter? head = Volatile.Read(in _head);
        bool sole = head is { Next: null, Parker: not null };
        (parker, number) = sole ? (head!.Parker, head.Number) : (null, 0);
        return sole;
    }

    /// <summary>Any thread. The action runs on the completing thread, at once when already closed; it must not block or throw.</summary>
    public void OnClose(Action action)
    {
        if (!TryAdd(new Waiter(null, action)))
            action();
    }

    /// <summary>The completing thread only, once. Wakes those who wait; the actions are left to the caller.</summary>
    public Actions Close()
    {
        Waiter? list = Interlocked.Exchange(ref _head, s_closed);
        Waiter? oldestFirst = null;
        bool any = false;
        while (list is not null)
        {
            any |= list.Action is not null;
            (list.Next, oldestFirst, list) = (oldestFirst, list, list.Next);
        }

        for (Waiter? waiter = oldestFirst; waiter is not null; waiter = waiter.Next)
            waiter.Parker?.TryWake(waiter.Number, Wake.Unparked);
        return new Actions(any ? oldestFirst : null);
    }

    /// <summary>Any thread. Wakes those who wait, without closing: they look again, and wait again if they must.</summary>
    public void WakeAll()
    {
        Waiter? list = Volatile.Read(ref _head);
        while (list is not null && list != s_closed)
        {
            Waiter? seen = Interlocked.CompareExchange(ref _head, null, list);
            if (seen == list)
                break;
            list = seen;
        }

        if (list == s_closed)
            return;
        for (Waiter? next; list is not null; list = next)
        {
            next = list.Next;
            list.Parker?.TryWake(list.Number, Wake.Unparked);
            if (list.Action is { } action && !TryAdd(list))
                action();
        }
    }

    private static Waiter? SkipPast(Waiter? waiter)
    {
        while (waiter is { Parker: { } parker } && parker.IsPast(waiter.Number))
            waiter = waiter.Next;
        return waiter;
    }

    /// <summary>What is still to be done at the end, by whoever can afford to.</summary>
    public readonly struct Actions(Waiter? oldestFirst)
    {
        public bool Any => oldestFirst is not null;

        /// <summary>Once.</summary>
        public void Run()
        {
            for (Waiter? waiter = oldestFirst; waiter is not null; waiter = waiter.Next)
                waiter.Action?.Invoke();
        }
    }

    public sealed class Waiter(Parker? parker, Action? action)
    {
        public readonly Parker? Parker = parker;
        public readonly Action? Action = action;
        public ulong Number; // before it is added
        public Waiter? Next;

        /// <summary>Made before its park begins: in between, want of memory would leave that park open.</summary>
        public static Waiter Begin(Parker parker)
        {
            var waiter = new Waiter(parker, null);
            waiter.Number = parker.Begin(ParkReason.Join);
            return waiter;
        }
    }
}
