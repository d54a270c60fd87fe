using System.Diagnostics;

namespace Fibers;

/// <summary>Sending to a closed channel, or receiving from one that is closed and empty.</summary>
[DebuggerDisplay("{Message,nq}")]
public sealed class FiberChannelClosedException : InvalidOperationException
{
    /// <summary>The channel is closed.</summary>
    public FiberChannelClosedException() : base("The channel is closed.")
    {
    }

    /// <inheritdoc cref="FiberChannelClosedException()"/>
    public FiberChannelClosedException(string message) : base(message)
    {
    }

    /// <inheritdoc cref="FiberChannelClosedException()"/>
    public FiberChannelClosedException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
