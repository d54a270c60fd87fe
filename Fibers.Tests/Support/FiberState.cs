using Fibers.Parking;

namespace Fibers.Tests.Support;

internal static class FiberState
{
    /// <summary>Its context is saved and somebody must wake it. A snapshot.</summary>
    public static unsafe bool IsParked(Fiber fiber) =>
        fiber.VirtualThread is { } thread && ParkWord.Read(ref thread.Native->ParkWord).State == ParkState.Parked;
}
