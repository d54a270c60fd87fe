namespace Fibers.Parking;

/// <summary>Where a virtual thread is with respect to parking. The C half of this table: <c>fibers_park_state</c> in fibers.h.</summary>
/// <remarks>
/// One 64-bit word holds number, wake and state. Every park has a number of its own; whoever compare-exchanges it
/// out of Parking or Parked owns the wake-up, so wake-ups and time-outs cannot both win. SEE park-commit
/// <code>
/// from      to        who           why
/// Running   Parking   the fiber     it is about to leave, under a new number
/// Parking   Parked    its carrier   the context is saved and the request performed (ParkCommit)
/// Parking   Notified  a waker       woken before the carrier got there
/// Parked    Runnable  a waker       woken; the waker makes it runnable
/// Notified  Runnable  its carrier   ... sees the notification and makes it runnable
/// Notified  Runnable  the rescuer   ... unless its carrier is stuck and the rescue carrier was first
/// Parking   Running   the fiber     it changed its mind before leaving
/// Runnable  Running   the fiber     it runs again and has read why
/// Notified  Running   the fiber     it changed its mind, and was woken meanwhile
/// </code>
/// </remarks>
internal enum ParkState
{
    Running = 0,
    Parking = 1,
    Parked = 2,
    Notified = 3,
    Runnable = 4,
}
