namespace Fibers;

/// <summary>An exception of a fiber that nobody joined before its handle was collected.</summary>
public sealed class UnobservedFiberExceptionEventArgs(string fiber, Exception exception) : EventArgs
{
    /// <summary>Which fiber: id and name.</summary>
    public string Fiber { get; } = fiber;

    /// <summary>What it threw.</summary>
    public Exception Exception { get; } = exception;
}
