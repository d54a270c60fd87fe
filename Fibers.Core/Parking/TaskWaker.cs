namespace Fibers.Parking;

/// <summary>What a task calls when it ends, to wake the one party that waits for it.</summary>
/// <remarks>
/// Its parker keeps it for the next wait, once the task has called it: then nobody else has it any more. (It keeps one thing: a channel's waiter takes its place.) One that
/// a task may still call is left to that task. Owner only, but for the call.
/// </remarks>
internal sealed class TaskWaker
{
    private readonly Parker _parker;
    private readonly Action _wake;
    private ulong _number; // written before a task has _wake

    private TaskWaker(Parker parker)
    {
        _parker = parker;
        _wake = Wake;
    }

    public static TaskWaker Take(Parker parker) => parker.TakeKept<TaskWaker>() ?? new TaskWaker(parker);

    /// <summary>The task has called it.</summary>
    public void GiveBack() => _parker.Kept = this;

    /// <summary>Begins the park that the end of <paramref name="task"/> ends, even one that has just come.</summary>
    public void BeginPark(Task task)
    {
        _number = _parker.Begin(ParkReason.Task);
        try
        {
            task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_wake);
        }
        catch
        {
            _parker.Abandon(); // there was no memory to list it
            throw;
        }
    }

    // On whoever completes the task, or on the pool; never on the owner. Neither parks nor throws.
    private void Wake() => _parker.TryWake(_number, Parking.Wake.Unparked);
}
