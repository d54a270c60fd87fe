using System.Diagnostics;

namespace Fibers;

/// <summary>
/// Concurrency was required (<c>SpawnConcurrent</c>) and cannot be had: the backend has none, the limit is
/// reached, or no stack or thread could be allocated. Plain <c>Spawn</c> never throws this: it runs the body inline.
/// (Zig: <c>error.ConcurrencyUnavailable</c>.)
/// </summary>
[DebuggerDisplay("{Message,nq}")]
public sealed class ConcurrencyUnavailableException : InvalidOperationException
{
    /// <summary>Says why concurrency is not to be had.</summary>
    public ConcurrencyUnavailableException(string message) : base(message)
    {
    }

    /// <summary>Says why concurrency is not to be had, and what was tried.</summary>
    public ConcurrencyUnavailableException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>Made by serializers and reflection.</summary>
    public ConcurrencyUnavailableException() : base("Concurrency is unavailable.")
    {
    }
}
