namespace Fibers.Scheduling;

/// <summary>How many fibers may live at once. Any thread; one counter, changed by interlocked operations only.</summary>
internal sealed class Permits(int limit)
{
    private int _taken;

    public int Taken => Volatile.Read(ref _taken);

    public int Limit { get; } = limit;

    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= Limit)
            return true;
        Interlocked.Decrement(ref _taken);
        return false;
    }

    /// <summary>How many are still taken.</summary>
    public int Return() => Interlocked.Decrement(ref _taken);
}
