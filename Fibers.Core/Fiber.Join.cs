using Fibers.Diagnostics;
using Fibers.Parking;

namespace Fibers;

// Idempotence in one place: everything that waits for the end comes through WaitForEnd.
public partial class Fiber
{
    /// <summary>Waits for the body to end; rethrows its exception with its own stack trace. Idempotent. A cancellation point. Parks a fiber, blocks a thread.</summary>
    /// <exception cref="InvalidOperationException">A fiber joins itself.</exception>
    /// <exception cref="OperationCanceledException">The fiber ended by cancellation, or the calling fiber was cancelled while it waited.</exception>
    public void Join()
    {
        WaitForEnd(Clock.Never);
        ThrowIfFailed();
    }

    /// <summary>As <see cref="Join()"/>, for at most <paramref name="timeout"/>. False: it has not ended yet.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative time other than <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>.</exception>
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
        OnEnd(() =>
        {
            if (!TryPropagate(source.TrySetException, source.TrySetCanceled))
                source.TrySetResult();
        });
        return source.Task;
    }

    /// <summary>Lets async code <c>await</c> a fiber.</summary>
    public System.Runtime.CompilerServices.TaskAwaiter GetAwaiter() => AsTask().GetAwaiter();

    /// <summary>Any thread. Runs on the completing thread, or at once; must neither block nor throw.</summary>
    internal void OnEnd(Action action) => _joiners.OnClose(action);

    /// <summary>The fiber has ended. True: not by success, and one of the two was told.</summary>
    private protected bool TryPropagate(Func<Exception, bool> failed, Func<CancellationToken, bool> canceled)
    {
        if (Status == FiberStatus.Canceled)
            return canceled(CanceledBy);
        if (Failure is not { } failure)
            return false;
        failure.Observe(); // the task reports it from here
        return failed(failure.Info.SourceException);
    }

    /// <summary>False: the deadline came first.</summary>
    private protected bool WaitForEnd(long deadlineNs)
    {
        while (!IsEnded)
        {
            Parker parker = Parker.Current;
            if (parker.Running == this)
                throw new InvalidOperationException("A fiber cannot join itself.");
            if (_starving && TryBegin())
            {
                RunInline(InlineReason.Join);
                break;
            }

            if (!_joiners.TryAdd(JoinList.Waiter.Begin(parker)))
            {
                parker.Abandon();
                break;
            }

            if (_starving && !HasBegun)
            {
                parker.Abandon(); // it began to starve between our first look and our adding
                continue;
            }

            switch (ParkHere(parker, deadlineNs, this))
            {
                case Wake.Timeout:
                    return IsEnded;
                case Wake.Canceled when !IsEnded && Current is { } self && self.TryDeliver():
                    throw self.CanceledHere();
            }
        }

        return true;
    }

    private void ThrowIfFailed()
    {
        if (Failure is not { } failure)
        {
            if (Status == FiberStatus.Canceled)
                throw CanceledHere(); // before it began
            return;
        }

        failure.Observe();
        failure.Info.Throw();
    }
}
