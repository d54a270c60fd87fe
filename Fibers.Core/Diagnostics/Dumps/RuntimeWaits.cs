using Fibers.Diagnostics.Inspection;
using Fibers.Parking;

namespace Fibers.Diagnostics.Dumps;

/// <summary>What a wait inside .NET is for, told by the outermost frame of .NET's own waiting code: that is the call the program made.</summary>
internal static class RuntimeWaits
{
    // Prefixes of frames, and what the caller waits for.
    private static readonly (string Frame, string Text)[] s_calls =
    [
        ("System.Threading.Thread.Sleep(", "sleeping"),
        ("System.Threading.Thread.Join(", "waiting for a thread to end"),
        ("System.Threading.Tasks.Task.Wait(", "waiting for a task"),
        ("System.Threading.Tasks.Task.WaitAll(", "waiting for tasks"),
        ("System.Threading.Tasks.Task.WaitAny(", "waiting for one of several tasks"),
        ("System.Threading.Tasks.Task.InternalWait(", "waiting for a task"),
        ("System.Threading.SemaphoreSlim.Wait(", "waiting for a SemaphoreSlim"),
        ("System.Threading.ManualResetEventSlim.Wait(", "waiting for a ManualResetEventSlim"),
        ("System.Threading.CountdownEvent.Wait(", "waiting for a CountdownEvent"),
        ("System.Threading.Barrier.SignalAndWait(", "waiting at a Barrier"),
        ("System.Threading.ReaderWriterLockSlim.", "waiting for a ReaderWriterLockSlim"),
        ("System.Collections.Concurrent.BlockingCollection`1.", "waiting at a BlockingCollection"),
        ("System.Threading.WaitHandle.Wait", "waiting for an event, mutex or semaphore"),
        ("System.Threading.Monitor.Wait(", "waiting for a pulse of a monitor"),
        // Sockets that were used asynchronously before: .NET's own thread polls them, and a synchronous call waits for it.
        ("System.Net.Sockets.Socket.Receive", "receiving from a socket"),
        ("System.Net.Sockets.Socket.Send", "sending to a socket"),
        ("System.Net.Sockets.Socket.Accept", "accepting on a socket"),
        ("System.Net.Sockets.Socket.Connect", "connecting a socket"),
        ("System.Net.Http.HttpClient.Send(", "waiting for an HTTP response"),
    ];

    public static WaitSnapshot Name(WaitSnapshot wait, StackSnapshot stack)
    {
        if (wait.Reason != nameof(ParkReason.RuntimeWait) && wait.Reason != nameof(LockKind.MonitorWait))
            return wait;
        string? named = null;
        foreach (string frame in stack.Frames.TakeWhile(static frame => frame.StartsWith("System.", StringComparison.Ordinal)))
            named = s_calls.FirstOrDefault(call => frame.StartsWith(call.Frame, StringComparison.Ordinal)).Text ?? named;
        return named is null ? wait : wait with { Text = wait.Left(named) };
    }
}
