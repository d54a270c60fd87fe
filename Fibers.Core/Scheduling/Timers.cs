using System.Runtime.InteropServices;
using Fibers.Parking;

namespace Fibers.Scheduling;

/// <summary>Deadlines of parked fibers: a four-ary heap, earliest first.</summary>
/// <remarks>
/// Guarded by its lock, but for <see cref="NextDeadline"/>. Any carrier adds and fires; a fiber's node is removed by the carrier that
/// mounts it. Firing only claims the park number: if somebody else has woken the fiber, nothing happens.
/// </remarks>
internal sealed class Timers
{
    private const int Arity = 4;
    private readonly Lock _lock = new();
    private readonly List<TimerNode> _heap = [];
    private long _next = Clock.Never;

    /// <summary>Any thread. The earliest deadline, or <see cref="Clock.Never"/>.</summary>
    public long NextDeadline => Volatile.Read(ref _next);

    public int Count
    {
        get
        {
            lock (_lock)
                return _heap.Count;
        }
    }

    /// <summary>Carrier only. True when this is now the earliest.</summary>
    public bool Add(TimerNode node, long deadlineNs, ulong number)
    {
        lock (_lock)
        {
            if (node.HeapIndex >= 0)
                RemoveAt(node.HeapIndex); // of an earlier park that the rescue carrier ended
            node.DeadlineNs = deadlineNs;
            node.Number = number;
            node.HeapIndex = _heap.Count;
            _heap.Add(node);
            SiftUp(node.HeapIndex);
            return Publish() && _heap[0] == node;
        }
    }

    /// <summary>Carrier only. Nothing happens if it has fired already.</summary>
    public void Remove(TimerNode node)
    {
        if (node.HeapIndex < 0)
            return;
        lock (_lock)
        {
            if (node.HeapIndex >= 0)
            {
                RemoveAt(node.HeapIndex);
                Publish();
            }
        }
    }

    /// <summary>Any carrier. Wakes every fiber whose deadline has passed; returns how many.</summary>
    public int Fire()
    {
        if (NextDeadline == Clock.Never)
            return 0;
        long now = Clock.Now;
        int fired = 0;
        while (NextDeadline <= now)
        {
            TimerNode node;
            ulong number;
            lock (_lock)
            {
                if (_heap.Count == 0 || _heap[0].DeadlineNs > now)
                    break;
                node = _heap[0];
                number = node.Number;
                RemoveAt(0);
                Publish();
            }

            if (node.Thread.TryWake(number, Wake.Timeout))
                fired++;
        }

        return fired;
    }

    private bool Publish()
    {
        long next = _heap.Count == 0 ? Clock.Never : _heap[0].DeadlineNs;
        if (next == _next)
            return false;
        Volatile.Write(ref _next, next);
        return true;
    }

    private void RemoveAt(int index)
    {
        Span<TimerNode> heap = CollectionsMarshal.AsSpan(_heap);
        heap[index].HeapIndex = -1;
        TimerNode last = heap[^1];
        _heap.RemoveAt(_heap.Count - 1);
        if (index == _heap.Count)
            return;
        _heap[index] = last;
        last.HeapIndex = index;
        SiftUp(index);
        SiftDown(last.HeapIndex);
    }

    private void SiftUp(int index)
    {
        TimerNode node = _heap[index];
        while (index > 0)
        {
            int parent = (index - 1) / Arity;
            if (_heap[parent].DeadlineNs <= node.DeadlineNs)
                break;
            Place(_heap[parent], index);
            index = parent;
        }

        Place(node, index);
    }

    private void SiftDown(int index)
    {
        TimerNode node = _heap[index];
        while (true)
        {
            int first = index * Arity + 1;
            if (first >= _heap.Count)
                break;
            int least = first;
            for (int child = first + 1; child < Math.Min(first + Arity, _heap.Count); child++)
                if (_heap[child].DeadlineNs < _heap[least].DeadlineNs)
                    least = child;
            if (_heap[least].DeadlineNs >= node.DeadlineNs)
                break;
            Place(_heap[least], index);
            index = least;
        }

        Place(node, index);
    }

    private void Place(TimerNode node, int index)
    {
        _heap[index] = node;
        node.HeapIndex = index;
    }
}
