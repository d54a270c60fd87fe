using Fibers.Native;

namespace Fibers.Tests.Support;

/// <summary>Makes a fault point of the shim fail until disposed. The points are global: one test at a time.</summary>
internal static class Faults
{
    public const uint Stack = 0;
    public const uint Thread = 1;
    public const uint EpollControl = 2;
    public const uint WouldBlock = 3;
    public const uint Short = 4;
    public const uint Interrupted = 5;
    public const uint Memory = 6;
    public const uint Stuck = 7;
    public const uint ShadowStack = 8;

    public static IDisposable Always(uint point) => Some(point, after: 0, times: -1);

    public static IDisposable Some(uint point, int after, int times)
    {
        Shim.fibers_fault_set(point, after, times);
        return new Clearing(point);
    }

    private sealed class Clearing(uint point) : IDisposable
    {
        public void Dispose() => Shim.fibers_fault_set(point, 0, 0);
    }
}
