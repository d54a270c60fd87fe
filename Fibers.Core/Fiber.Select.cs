namespace Fibers;

public partial class Fiber
{
    /// <summary>Any thread. Set when the fiber has ended.</summary>
    internal EndSignal EndSignal
    {
        get
        {
            ref EndSignal? place = ref Rarely.EndSignal;
            if (Volatile.Read(ref place) is { } made)
                return made;
            var signal = new EndSignal();
            if (Interlocked.CompareExchange(ref place, signal, null) is { } other)
                return other;
            OnEnd(signal.Set); // at once when it has ended already
            return signal;
        }
    }
}
