namespace Fibers.Tests.Support;

/// <summary>Holds everybody who arrives until so many have: proof that all of them were waiting at the same time.</summary>
internal sealed class Gathering(int expected)
{
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _arrived;

    public Task Arrive()
    {
        if (Interlocked.Increment(ref _arrived) == expected)
            _complete.SetResult();
        return _complete.Task;
    }
}
