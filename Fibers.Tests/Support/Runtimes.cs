namespace Fibers.Tests.Support;

/// <summary>Makes the runtimes of tests and remembers them, so that a test that hangs can show what they were doing.</summary>
internal static class Runtimes
{
    private static readonly Lock s_lock = new();
    private static readonly List<WeakReference<FiberRuntime>> s_made = [];

    public static FiberRuntime Native(int carriers, int? maxFibers = null, int maxPooledThreads = 10_000) => Start(new FiberRuntimeOptions
    {
        Backend = FiberBackend.Native,
        Carriers = carriers,
        MaxFibers = maxFibers,
        MaxPooledThreads = maxPooledThreads,
    });

    public static FiberRuntime Start(FiberRuntimeOptions options)
    {
        var runtime = new FiberRuntime(options);
        lock (s_lock)
            s_made.Add(new WeakReference<FiberRuntime>(runtime));
        return runtime;
    }

    public static IReadOnlyList<FiberRuntime> Alive()
    {
        lock (s_lock)
        {
            s_made.RemoveAll(static made => !made.TryGetTarget(out _));
            return [.. s_made.Select(static made => made.TryGetTarget(out FiberRuntime? runtime) ? runtime : null).OfType<FiberRuntime>()];
        }
    }
}
