using Fibers.Parking;

namespace Fibers;

public partial class Fiber
{
    /// <summary>Waits for a task from fiber code: parks the fiber, blocks a thread. A cancellation point. Rethrows what the task threw. (<c>task.Wait()</c> parks too; this costs less.)</summary>
    /// <exception cref="OperationCanceledException">The fiber was cancelled while it waited, or the task was.</exception>
    public static void Await(Task task)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (!task.IsCompleted)
            WaitForTask(task);
        task.GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Await(Task)"/>
    public static T Await<T>(Task<T> task)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (!task.IsCompleted)
            WaitForTask(task);
        return task.GetAwaiter().GetResult();
    }

    private static void WaitForTask(Task task)
    {
        Parker parker = Parker.Current;
        while (!task.IsCompleted)
        {
            ulong number = parker.Begin(ParkReason.Task);
            // Runs on whoever completes the task, or here when it has just completed; waking never blocks or throws.
            task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(() => parker.TryWake(number, Wake.Unparked));
            if (ParkHere(parker, Clock.Never) == Wake.Canceled && Current is { } self && self.TryDeliver())
                throw self.CanceledHere();
        }
    }
}
