using Fibers.Parking;

namespace Fibers;

// Idempotence in one place: everything that waits for the end comes through WaitForEnd.
public partial class Fiber
{
    /// <summary>Waits for the body to end; rethrows its exception with its own stack trace. Idempotent. Parks a fiber, blocks a thread.</summary>
    /// <exception cref="InvalidOperationException">A fiber joins itself.</exception>
    public void Join()
    {
        WaitForEnd(Clock.Never);
        ThrowIfFailed();
    }

    /// <summary>As <see cref="Join()"/>, for at most <paramref name="timeout"/>. False: it has not ended yet.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative time other than <see cref="Timeout.InfiniteTimeSpan"/>.</exception>
    public bool Join(TimeSpan timeout)
    {
        if (!WaitForEnd(Clock.After(timeout, nameof(timeout))))
            return false;
        ThrowIfFailed();
        return true;
    }

    /// <summary>A task that ends as the fiber does. Its continuations run on the thread pool.</summary>
    public Task AsTask()
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _joiners.OnClose(() =>
        {
            if (_failure is { } failure && Status == FiberStatus.Failed)
            {
                failure.Observe(); // the task reports it from here
                source.SetException(failure.Info.SourceException);
            }
            else
            {
                source.SetResult();
            }
        });
        return source.Task;
    }

    /// <summary>Lets async code <c>await</c> a fiber.</summary>
    public System.Runtime.CompilerServices.TaskAwaiter GetAwaiter() => AsTask().GetAwaiter();

    /// <summary>False: the deadline came first.</summary>
    private protected bool WaitForEnd(long deadlineNs)
    {
        while (!IsEnded)
        {
            if (t_current == this)
                throw new InvalidOperationException("A fiber cannot join itself.");
            if (_starving && TryBegin())
            {
                Runtime.Counters.InlineForJoin();
                RunInline();
                break;
            }

            Parker parker = Parker.Current;
            ulong number = parker.Begin(ParkReason.Join);
            if (!_joiners.TryAdd(parker, number))
            {
                parker.Abandon();
                break;
            }

            if (_starving && Volatile.Read(ref _begun) == 0)
            {
                parker.Abandon(); // it began to starve between our first look and our adding
                continue;
            }

            if (parker.Park(deadlineNs) == Wake.Timeout)
                return IsEnded;
        }

        return true;
    }

    private void ThrowIfFailed()
    {
        if (_failure is not { } failure)
            return;
        failure.Observe();
        failure.Info.Throw();
    }
}
