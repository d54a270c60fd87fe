namespace Fibers.Benchmarks.Scale;

internal sealed class StateMachinePopulation(int depth) : Population(depth)
{
    private readonly List<Task> _tasks = [];

    protected override TaskCreationOptions Gate => TaskCreationOptions.RunContinuationsAsynchronously;

    protected override void Start(Waiter waiter) => _tasks.Add(Task.Run(waiter.RunAsync));

    protected override void WaitForTheEnd() => Task.WaitAll(_tasks);
}
