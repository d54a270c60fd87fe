using System.Diagnostics;

namespace Fibers;

/// <summary>An exception of a fiber that nobody joined before its handle was collected.</summary>
[DebuggerDisplay("{Fiber,nq}: {Exception.Message,nq}")]
public sealed class UnobservedFiberExceptionEventArgs(string fiber, string? spawnedBy, Exception exception) : EventArgs
{
    /// <summary>Which fiber: id and name.</summary>
    public string Fiber { get; } = fiber;

    /// <summary>Which fiber spawned it: id and name. Null: an ordinary thread did.</summary>
    public string? SpawnedBy { get; } = spawnedBy;

    /// <summary>What it threw.</summary>
    public Exception Exception { get; } = exception;
}
