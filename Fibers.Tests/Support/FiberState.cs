namespace Fibers.Tests.Support;

internal static class FiberState
{
    /// <summary>Its context is saved and somebody must wake it. A snapshot.</summary>
    public static bool IsParked(Fiber fiber) => fiber.VirtualThread is { IsParked: true };
}
