using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Tracing;

namespace Fibers.Diagnostics;

/// <summary>The event source "Fibers": <c>dotnet-trace collect --providers Fibers</c>. While nobody listens it hears of nothing, and costs nothing.</summary>
[EventSource(Name = "Fibers")]
internal sealed class FiberEvents : EventSource
{
    public static readonly FiberEvents Log = new();

    private static readonly EventProbe s_probe = new();

    private FiberEvents()
    {
    }

    /// <summary>Called by every runtime at its start: a tool finds only what exists.</summary>
    public static void Start() => Follow();

    [Event(1)]
    public void FiberSpawned(long fiber, string name, long parent) => WriteEvent(1, fiber, name, parent);

    [Event(2)]
    public void FiberStarted(long fiber, string name) => WriteEvent(2, fiber, name);

    [Event(3)]
    public void FiberParked(long fiber, string reason) => WriteEvent(3, fiber, reason);

    [Event(4)]
    public void FiberWoken(long fiber, string wake, long byFiber) => WriteEvent(4, fiber, wake, byFiber);

    [Event(5)]
    public void FiberEnded(long fiber, string status) => WriteEvent(5, fiber, status);

    [Event(6)]
    public void FiberRanInline(long fiber, string reason) => WriteEvent(6, fiber, reason);

    [Event(7)]
    public void FiberPinned(long fiber, int carrier) => WriteEvent(7, fiber, (long)carrier);

    [Event(8)]
    public void CarrierStole(int thief, int victim, long fiber) => WriteEvent(8, thief, (long)victim, fiber);

    [Event(9)]
    public void SpareStarted(int carrier) => WriteEvent(9, carrier);

    [Event(10)]
    public void SpareRetired(int carrier) => WriteEvent(10, carrier);

    protected override void OnEventCommand(EventCommandEventArgs command) => Follow();

    // Also called from the base's constructor, before there is a Log or a probe; then Start catches up.
    private static void Follow()
    {
        if (Log is null || s_probe is null)
            return;
        Probe.Detach(s_probe);
        if (Log.IsEnabled())
            Probe.Attach(s_probe);
    }

    // As the overloads of the base class, which know no (long, string, long).
    [NonEvent]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Two numbers and a text: they have no properties that could be trimmed away.")]
    private unsafe void WriteEvent(int id, long first, string text, long last)
    {
        fixed (char* characters = text)
        {
            EventData* data = stackalloc EventData[3];
            data[0] = new EventData { DataPointer = (nint)(&first), Size = sizeof(long) };
            data[1] = new EventData { DataPointer = (nint)characters, Size = (text.Length + 1) * sizeof(char) };
            data[2] = new EventData { DataPointer = (nint)(&last), Size = sizeof(long) };
            WriteEventCore(id, 3, data);
        }
    }
}
