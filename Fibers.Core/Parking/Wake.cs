namespace Fibers.Parking;

/// <summary>Why a park ended. Mirror of <c>fibers_wake</c>.</summary>
internal enum Wake
{
    None = 0,
    Unparked = 1,
    Timeout = 2,
    Ready = 3,
    Closed = 4,
    Canceled = 5,
    Failed = 6,
}
