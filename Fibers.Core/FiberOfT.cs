namespace Fibers;

/// <summary>A <see cref="Fiber"/> whose body returns a value.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
public sealed class Fiber<T> : Fiber
{
    private T? _result; // written before the fiber ends, read after

    internal Fiber(FiberRuntime runtime, Func<T> body, FiberOptions? options) : base(runtime, body, options)
    {
    }

    /// <summary>Waits for the body to end and returns its value, or rethrows its exception with its own stack trace. Idempotent. Parks a fiber, blocks a thread.</summary>
    public new T Join()
    {
        base.Join();
        return _result!;
    }

    private protected override void Invoke() => _result = ((Func<T>)Body!)();
}
