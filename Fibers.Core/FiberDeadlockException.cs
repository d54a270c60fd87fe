using System.Diagnostics;

namespace Fibers;

/// <summary>Fibers wait for one another, and nothing can wake any of them. Thrown by <see cref="FiberRuntime.Run(Action)"/>; the message names who waits for what, and since when.</summary>
[DebuggerDisplay("{Waits.Count} wait for one another")]
public sealed class FiberDeadlockException : InvalidOperationException
{
    /// <summary>Fibers wait for one another.</summary>
    public FiberDeadlockException() : this("Fibers wait for one another.")
    {
    }

    /// <inheritdoc cref="FiberDeadlockException()"/>
    public FiberDeadlockException(string message) : base(message)
    {
    }

    /// <inheritdoc cref="FiberDeadlockException()"/>
    public FiberDeadlockException(string message, Exception innerException) : base(message, innerException)
    {
    }

    internal FiberDeadlockException(IReadOnlyList<string> waits, string dump)
        : this($"Deadlock: nothing can wake any of these.{Environment.NewLine}{string.Join(Environment.NewLine, waits.Select(static wait => "  " + wait))}") => (Waits, Dump) = (waits, dump);

    /// <summary>One sentence for each that waits.</summary>
    public IReadOnlyList<string> Waits { get; } = [];

    /// <summary>What <see cref="FiberRuntime.Dump(TextWriter)"/> wrote at that moment: every fiber, with its stack.</summary>
    public string Dump { get; } = "";

    /// <summary>The exception, and the dump.</summary>
    public override string ToString() => Dump.Length == 0 ? base.ToString() : $"{base.ToString()}{Environment.NewLine}{Environment.NewLine}{Dump}";
}
