using System.Diagnostics;

namespace Fibers;

/// <summary>Settings of one fiber.</summary>
[DebuggerDisplay("FiberOptions {Name,nq}")]
public sealed record FiberOptions
{
    /// <summary>A name for people: dumps, traces and <see cref="Thread.Name"/> show it.</summary>
    public string? Name { get; init; }

    /// <summary>When it is cancelled, so is the fiber, as by <see cref="Fiber.RequestCancel"/>. Default: none.</summary>
    public CancellationToken CancellationToken { get; init; }
}
