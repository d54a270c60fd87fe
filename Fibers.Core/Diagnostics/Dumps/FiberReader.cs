using Fibers.Diagnostics.Inspection;
using Fibers.Parking;
using Fibers.Scheduling;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Dumps;

/// <summary>One fiber at one moment. A parked one is read without touching it; its park number, which is never used again, shows afterwards that it stood all the while.</summary>
internal sealed unsafe class FiberReader(StackReader stacks, Parties parties)
{
    private const int Attempts = 4;

    public FiberSnapshot Read(Fiber fiber)
    {
        for (int i = 0; i < Attempts; i++)
        {
            if (fiber.VirtualThread is not { } thread)
                return fiber.HostThread is { } host ? OnThread(fiber, host) : Make(fiber, "queued", StackSnapshot.None("it has not begun"));
            ParkWord word = thread.State;
            if (word.State != ParkState.Parked)
                return NotParked(fiber, thread, word);
            if (TryReadParked(fiber, thread, word) is { } parked)
                return parked;
        }

        return Make(fiber, "running", StackSnapshot.None("it moved while it was looked at"));
    }

    private FiberSnapshot? TryReadParked(Fiber fiber, VirtualThread thread, ParkWord word)
    {
        try
        {
            WaitSnapshot wait = WaitReader.Read(thread, parties);
            List<nint>? methods = stacks.Walk(RuntimeThread.NativePointer(thread.Thread!));
            double seconds = Math.Max(0, Environment.TickCount64 - thread.SinceMs) / 1000.0;
            if (thread.State.Raw != word.Raw || fiber.VirtualThread != thread)
                return null;
            StackSnapshot stack = stacks.Text(methods);
            return Make(fiber, "parked", stack) with { Wait = RuntimeWaits.Name(wait, stack), ForSeconds = seconds };
        }
        catch (UnreadableException)
        {
            return null;
        }
    }

    private static FiberSnapshot NotParked(Fiber fiber, VirtualThread thread, ParkWord word)
    {
        if (word.State == ParkState.Runnable || thread.Native->RunningTid == 0)
            return Make(fiber, "runnable", StackSnapshot.None("it is about to run"));
        uint carrier = thread.Native->Carrier->Index;
        return carrier > int.MaxValue
            ? Make(fiber, "running", StackSnapshot.None("it runs on the rescue carrier"))
            : Make(fiber, "running", StackSnapshot.None($"it runs on carrier {carrier}")) with { Carrier = (int)carrier };
    }

    // A backend without virtual threads: the fiber is a thread of the system.
    private static FiberSnapshot OnThread(Fiber fiber, Thread host)
    {
        bool waits = (host.ThreadState & ThreadState.WaitSleepJoin) != 0;
        FiberSnapshot snapshot = Make(fiber, waits ? "waiting" : "running", StackSnapshot.None($"it runs on a thread of its own, {host.ManagedThreadId}"));
        if (!waits || fiber.HostParker is not { } parker || parker.State.State != ParkState.Parked)
            return snapshot;
        return snapshot with { Wait = WaitReader.InLibrary(parker.Reason, parker.WaitsFor), ForSeconds = (Environment.TickCount64 - parker.SinceMs) / 1000.0 };
    }

    private static FiberSnapshot Make(Fiber fiber, string state, StackSnapshot stack) => new()
    {
        Id = fiber.Id,
        Name = fiber.Name,
        State = state,
        ParentId = fiber.ParentId,
        ParentName = fiber.ParentName,
        Group = fiber.Group?.ToString(),
        Stack = stack,
    };
}
