namespace Fibers.Tests.Support;

internal static class FiberState
{
    /// <summary>Its context is saved and somebody must wake it. A snapshot.</summary>
    public static bool IsParked(Fiber fiber) => fiber.VirtualThread is { IsParked: true };

    /// <summary>On any backend: its body has begun, and stands in a wait or a blocking call. A snapshot.</summary>
    public static bool IsWaiting(Fiber fiber) => fiber.Status == FiberStatus.Running &&
        (IsParked(fiber) || (fiber.VirtualThread is null && fiber.HostThread is { } thread && (thread.ThreadState & ThreadState.WaitSleepJoin) != 0));
}
