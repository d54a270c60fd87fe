using System.Runtime.CompilerServices;

namespace Fibers.Benchmarks.Scale;

/// <summary>One that is parked: what it runs, whoever runs it. It goes some frames deep, each of which keeps an object alive, waits for its gate, and comes back.</summary>
internal sealed class Waiter(int depth, CountdownEvent arrived, CountdownEvent passed, TaskCreationOptions gate)
{
    private readonly TaskCompletionSource _gate = new(gate);

    /// <summary>An address on the stack it ran on.</summary>
    public nint StackAddress { get; private set; }

    public void Open() => _gate.SetResult();

    public unsafe void Run(Action<Task> wait)
    {
        int local;
        StackAddress = (nint)(&local);
        Descend(depth, wait);
        passed.Signal();
    }

    public async Task RunAsync()
    {
        await DescendAsync(depth);
        passed.Signal();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Descend(int further, Action<Task> wait)
    {
        object mine = new();
        if (further > 1)
        {
            Descend(further - 1, wait);
        }
        else
        {
            arrived.Signal();
            wait(_gate.Task);
        }

        GC.KeepAlive(mine);
    }

    private async Task DescendAsync(int further)
    {
        object mine = new();
        if (further > 1)
        {
            await DescendAsync(further - 1);
        }
        else
        {
            arrived.Signal();
            await _gate.Task;
        }

        GC.KeepAlive(mine);
    }
}
