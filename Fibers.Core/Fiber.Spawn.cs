namespace Fibers;

public partial class Fiber
{
    private static FiberRuntime CurrentRuntime => Current?.Runtime ?? FiberRuntime.Default;

    /// <summary>
    /// Asynchrony: the body may run later, elsewhere, in any order, or inline on the caller when no fiber can be had. Never fails for lack of
    /// resources. For code that is right in any order; where progress together is needed, use <see cref="SpawnConcurrent(Action, FiberOptions)"/>.
    /// </summary>
    /// <remarks>Never parks by itself. <see cref="ExecutionContext"/> flows as with <see cref="Task.Run(Action)"/>. Runs on the current fiber's runtime, else on <see cref="FiberRuntime.Default"/>. (Zig: <c>io.async</c>.)</remarks>
    /// <exception cref="ArgumentNullException">No body.</exception>
    /// <exception cref="ArgumentException">The body returns a task: an async method leaves its fiber at its first await. Give <c>() => Fiber.Await(DoAsync())</c> instead.</exception>
    /// <exception cref="ObjectDisposedException">The current runtime is disposed.</exception>
    public static Fiber Spawn(Action body, FiberOptions? options = null) => CurrentRuntime.Spawn(body, options);

    /// <inheritdoc cref="Spawn(Action, FiberOptions)"/>
    public static Fiber<T> Spawn<T>(Func<T> body, FiberOptions? options = null) => CurrentRuntime.Spawn(body, options);

    /// <summary>
    /// Concurrency: the body is guaranteed to make progress together with the caller, or this throws. For code that waits for the other side:
    /// servers and clients, producers and consumers.
    /// </summary>
    /// <remarks>Never parks; may block the kernel thread for the microseconds a virtual thread's creation takes. (Zig: <c>io.concurrent</c>.)</remarks>
    /// <exception cref="ArgumentNullException">No body.</exception>
    /// <exception cref="ConcurrencyUnavailableException">It cannot be had.</exception>
    /// <exception cref="ObjectDisposedException">The current runtime is disposed.</exception>
    public static Fiber SpawnConcurrent(Action body, FiberOptions? options = null) => CurrentRuntime.SpawnConcurrent(body, options);

    /// <inheritdoc cref="SpawnConcurrent(Action, FiberOptions)"/>
    public static Fiber<T> SpawnConcurrent<T>(Func<T> body, FiberOptions? options = null) => CurrentRuntime.SpawnConcurrent(body, options);

    internal static Fiber Create(FiberRuntime runtime, Action body, FiberOptions? options) => new(runtime, body, options);
}
