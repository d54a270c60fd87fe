namespace Fibers;

public partial class Fiber
{
    private EndSignal? _endSignal;

    /// <summary>Any thread. Set when the fiber has ended.</summary>
    internal EndSignal EndSignal
    {
        get
        {
            if (Volatile.Read(ref _endSignal) is { } made)
                return made;
            var signal = new EndSignal();
            if (Interlocked.CompareExchange(ref _endSignal, signal, null) is { } other)
                return other;
            OnEnd(signal.Set); // at once when it has ended already
            return signal;
        }
    }
}
