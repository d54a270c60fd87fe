namespace Fibers;

/// <summary>A <see cref="Fiber"/> whose body returns a value.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
public sealed class Fiber<T> : Fiber
{
    private T? _result; // written before the fiber ends, read after
    private int _taken; // 1: somebody got the result, or it was disposed

    internal Fiber(FiberRuntime runtime, Func<T> body, FiberOptions? options) : base(runtime, body, options)
    {
    }

    /// <summary>Waits for the body to end and returns its value, or rethrows its exception with its own stack trace. Idempotent. A cancellation point. Parks a fiber, blocks a thread.</summary>
    /// <exception cref="OperationCanceledException">The fiber ended by cancellation, or the calling fiber was cancelled while it waited.</exception>
    public new T Join()
    {
        base.Join();
        return Take();
    }

    /// <inheritdoc cref="Fiber.Cancel"/>
    public new T Cancel()
    {
        base.Cancel();
        return Take();
    }

    /// <summary>A task that ends as the fiber does. Its continuations run on the thread pool.</summary>
    public new Task<T> AsTask()
    {
        var source = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        OnEnd(() =>
        {
            if (!TryPropagate(source.TrySetException, source.TrySetCanceled))
                source.TrySetResult(Take());
        });
        return source.Task;
    }

    /// <summary>Lets async code <c>await</c> a fiber.</summary>
    public new System.Runtime.CompilerServices.TaskAwaiter<T> GetAwaiter() => AsTask().GetAwaiter();

    internal override void Invoke() => _result = ((Func<T>)TakeBody())();

    private protected override void DropResult()
    {
        if (Status == FiberStatus.Succeeded && Interlocked.Exchange(ref _taken, 1) == 0)
            (_result as IDisposable)?.Dispose();
    }

    private T Take()
    {
        Volatile.Write(ref _taken, 1);
        return _result!;
    }
}
