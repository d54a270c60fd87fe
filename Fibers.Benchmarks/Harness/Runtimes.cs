namespace Fibers.Benchmarks.Harness;

/// <summary>One runtime per number of carriers, kept warm over all questions.</summary>
internal static class Runtimes
{
    private static readonly Dictionary<int, FiberRuntime> s_runtimes = [];

    public static FiberRuntime With(int carriers)
    {
        if (!s_runtimes.TryGetValue(carriers, out FiberRuntime? runtime))
            s_runtimes[carriers] = runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = carriers, MaxFibers = 2_000_000 });
        return runtime;
    }
}
