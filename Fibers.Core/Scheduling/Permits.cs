namespace Fibers.Scheduling;

/// <summary>How many fibers may live at once. Any thread; one counter, changed by interlocked operations only.</summary>
internal sealed class Permits(int limit)
{
    private int _taken;

    public int Taken => Volatile.Read(ref _taken);

    public int Limit { get; } = limit;

    // Never above the limit, not even for a moment: whoever gives the last one back must see that it was the last.
    public bool TryTake()
    {
        int taken = Volatile.Read(ref _taken);
        while (taken < Limit)
        {
            int seen = Interlocked.CompareExchange(ref _taken, taken + 1, taken);
            if (seen == taken)
                return true;
            taken = seen;
        }

        return false;
    }

    /// <summary>How many are still taken.</summary>
    public int Return() => Interlocked.Decrement(ref _taken);
}
