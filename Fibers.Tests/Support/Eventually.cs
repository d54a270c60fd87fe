using Xunit.Sdk;

namespace Fibers.Tests.Support;

/// <summary>Waits for a state, never for a time.</summary>
internal static class Eventually
{
    public static void True(Func<bool> condition, string what)
    {
        long end = Environment.TickCount64 + (long)Bounded.Limit.TotalMilliseconds / 2;
        while (!condition())
        {
            if (Environment.TickCount64 > end)
                throw new XunitException($"It never came true that {what}.{Environment.NewLine}{Picture.OfProcess()}");
            Thread.Sleep(1); // parks a fiber, blocks a thread
        }
    }
}
