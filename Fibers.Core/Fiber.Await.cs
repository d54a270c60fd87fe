using System.Runtime.CompilerServices;
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

    // Inlined: a frame more is one more for every collection to walk.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WaitForTask(Task task)
    {
        Parker parker = Parker.Current;
        do
        {
            TaskWaker waker = TaskWaker.Take(parker);
            waker.BeginPark(task);
            switch (ParkHere(parker, Clock.Never))
            {
                case Wake.Unparked:
                    waker.GiveBack();
                    break;
                case Wake.Canceled when Current is { } self && self.TryDeliver():
                    throw self.CanceledHere();
            }
        }
        while (!task.IsCompleted);
    }
}
