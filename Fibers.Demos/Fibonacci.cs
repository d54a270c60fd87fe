using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Fibers.Demos;

/// <summary>
/// An event loop wants to paint a frame every 16 ms, and somebody asks for a large Fibonacci number. Computed in the loop, it freezes. On a fiber that yields now and then the loop
/// stays alive, on the same one carrier.
/// </summary>
internal static class Fibonacci
{
    private static readonly TimeSpan s_frame = TimeSpan.FromMilliseconds(16);

    private static int s_calls;

    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1 });
        int n = 25; // large enough for some twenty frames here
        while (Enumerable.Range(0, 3).Min(_ => Claim.Time(() => Compute(n, static () => { }))) < s_frame * 20)
            n++;
        double ratio = Claim.BestRatio(5, 0.25, () => LongestFreeze(runtime, n, yields: true) / LongestFreeze(runtime, n, yields: false));
        Claim.That(LongestFreeze(runtime, n, yields: false) > s_frame * 10, "Computed in the event loop itself: it freezes for more than ten frames.");
        Claim.That(ratio < 0.25, "On a fiber that yields every ten thousand calls: the longest freeze is less than a quarter of that. Same carrier, same computation, one more line.");
        Console.WriteLine("A fiber that never yields keeps its carrier; then the watchdog puts a spare beside it (demo starvation).");
    }

    private static TimeSpan LongestFreeze(FiberRuntime runtime, int n, bool yields)
    {
        return runtime.Run(() =>
        {
            TimeSpan longest = TimeSpan.Zero;
            Fiber? asked = null;
            for (int frame = 0; frame < 3 || asked is { Status: not FiberStatus.Succeeded }; frame++)
            {
                long start = Stopwatch.GetTimestamp();
                if (frame == 1 && yields)
                    asked = Fiber.SpawnConcurrent(() => Compute(n, Fiber.Yield));
                else if (frame == 1)
                    Compute(n, static () => { });
                Fiber.Sleep(s_frame); // paint
                TimeSpan took = Stopwatch.GetElapsedTime(start) - s_frame;
                longest = took > longest ? took : longest;
            }

            return longest;
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // as fast at first as later
    private static int Compute(int n, Action now)
    {
        if (++s_calls % 10_000 == 0)
            now();
        return n <= 1 ? 1 : Compute(n - 1, now) + Compute(n - 2, now);
    }
}
