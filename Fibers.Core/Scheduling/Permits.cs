namespace Fibers.Scheduling;

/// <summary>How many fibers may live at once. Any thread; one counter, changed by interlocked operations only.</summary>
/// <remarks>
/// Open: from 0 to <see cref="Limit"/> are taken. Closed, when none was: for good, and nobody gets one. Whoever wants none to be taken any more closes, and when that fails
/// leaves it to those who return theirs: the last of them, or of those that came in between, succeeds.
/// </remarks>
internal sealed class Permits(int limit)
{
    private const int Closed = -1;
    private int _taken;

    public int Taken => Math.Max(0, Volatile.Read(ref _taken));

    public int Limit { get; } = limit;

    // Never above the limit, not even for a moment: whoever gives the last one back must see that it was the last.
    public bool TryTake()
    {
        int taken = Volatile.Read(ref _taken);
        while (taken < Limit && taken != Closed)
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

    /// <summary>True, once: it is closed now. False: some are taken, or it was closed before.</summary>
    public bool TryClose() => Interlocked.CompareExchange(ref _taken, Closed, 0) == 0;
}
