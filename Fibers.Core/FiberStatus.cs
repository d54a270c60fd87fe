namespace Fibers;

/// <summary>Where a fiber's body stands. Why it is parked is a <see cref="Parking.ParkReason"/>, not a status.</summary>
/// <remarks>
/// <code>
/// from       to          who                       why
/// Created    Running     carrier, thread, joiner   the body begins
/// Created    Canceled    Cancel, runtime           cancelled before it began
/// Running    Succeeded   whoever ran the body      it returned
/// Running    Failed      whoever ran the body      it threw
/// Running    Canceled    whoever ran the body      it ended by its own cancellation
/// </code>
/// The last three are final.
/// </remarks>
public enum FiberStatus
{
    /// <summary>Waiting for its first turn.</summary>
    Created = 0,

    /// <summary>The body has begun and has not ended; it may be parked.</summary>
    Running = 1,

    /// <summary>The body returned.</summary>
    Succeeded = 2,

    /// <summary>The body threw; <see cref="Fiber.Exception"/> says what.</summary>
    Failed = 3,

    /// <summary>The body ended because the fiber was cancelled.</summary>
    Canceled = 4,
}
