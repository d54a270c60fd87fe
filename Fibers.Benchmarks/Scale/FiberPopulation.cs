using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Scale;

internal sealed class FiberPopulation(int depth, Action<Task> wait) : Population(depth)
{
    private const int NoLimit = 1_000_000;

    // Nothing is trimmed while it is measured: how long their end takes is a figure of its own.
    private readonly FiberRuntime _runtime = new(new FiberRuntimeOptions { Backend = FiberBackend.Native, StackSize = ThreadPopulation.StackSize, MaxFibers = NoLimit, MaxPooledThreads = NoLimit });

    public override FiberUse FiberUse => FiberUse.Of(_runtime);

    protected override void Start(Waiter waiter) => _runtime.Spawn(() => waiter.Run(wait));

    protected override void WaitForTheEnd() => _runtime.Dispose();

    public override void Dispose()
    {
        _runtime.Dispose();
        base.Dispose();
    }
}
