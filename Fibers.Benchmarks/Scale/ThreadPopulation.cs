namespace Fibers.Benchmarks.Scale;

internal sealed class ThreadPopulation(int depth) : Population(depth)
{
    /// <summary>Bytes reserved for each, for fibers too.</summary>
    public const int StackSize = 1024 * 1024;

    private readonly List<Thread> _threads = [];

    protected override void Start(Waiter waiter)
    {
        var thread = new Thread(() => waiter.Run(static task => task.Wait()), StackSize);
        _threads.Add(thread);
        thread.Start();
    }

    protected override void WaitForTheEnd()
    {
        foreach (Thread thread in _threads)
            thread.Join();
    }
}
