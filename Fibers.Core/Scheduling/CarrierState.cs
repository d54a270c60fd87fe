namespace Fibers.Scheduling;

/// <summary>What a carrier is doing, seen from the scheduler.</summary>
/// <remarks>
/// <code>
/// from       to         who          why
/// Running    Searching  the carrier  its own queue is empty
/// Searching  Running    the carrier  it found a fiber
/// Searching  Polling    the carrier  nothing to run, and nobody waits in the poller
/// Searching  Sleeping   the carrier  nothing to run, and somebody else waits in the poller
/// Polling    Searching  the carrier  descriptors became ready, a deadline passed, or it was kicked
/// Sleeping   Searching  a waker      there is work, or the poller needs somebody
/// Searching  Stopped    the carrier  the scheduler stops, or it was spare and idle
/// </code>
/// </remarks>
internal enum CarrierState
{
    Running = 0,
    Searching = 1,
    Polling = 2,
    Sleeping = 3,
    Stopped = 4,
}
