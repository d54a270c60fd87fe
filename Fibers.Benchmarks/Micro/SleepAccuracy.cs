using System.Collections.Concurrent;
using System.Diagnostics;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>A hundred sleep a millisecond again and again: by how much do they wake late? Median of all wakes, microseconds.</summary>
internal sealed class SleepAccuracy : Question
{
    private const int Sleepers = 100;
    private static readonly TimeSpan s_nap = TimeSpan.FromMilliseconds(1);

    public override string Name => "sleep";
    public override string Asks => $"How late {Sleepers} sleepers of 1 ms wake";
    public override string Unit => "µs";

    public override Contest Prepare(Effort effort)
    {
        int naps = effort.Times(200);
        FiberRuntime all = Runtimes.With(Math.Max(2, Environment.ProcessorCount));
        return new Contest([
            new Contender("Fiber.Sleep", () => Late(late => all.Run(() => Fiber.ForEach(Enumerable.Range(0, Sleepers), Sleepers, _ => Nap(late, naps, static () => Fiber.Sleep(s_nap))))), () => FiberUse.Of(all)),
            new Contender("Thread.Sleep on fibers", () => Late(late => all.Run(() => Fiber.ForEach(Enumerable.Range(0, Sleepers), Sleepers, _ => Nap(late, naps, static () => Thread.Sleep(s_nap))))), () => FiberUse.Of(all)),
            new Contender("Thread.Sleep on threads", () => Late(late => OnThreads(() => Nap(late, naps, static () => Thread.Sleep(s_nap))))),
            new Contender("Task.Delay", () => Late(late => Task.WaitAll([.. Enumerable.Range(0, Sleepers).Select(_ => Task.Run(() => NapAsync(late, naps)))]))),
        ]);
    }

    private static double Late(Action<ConcurrentBag<double>> run)
    {
        var late = new ConcurrentBag<double>();
        run(late);
        return Answer.Line.MedianOf(late);
    }

    private static void Nap(ConcurrentBag<double> late, int naps, Action sleep)
    {
        for (int i = 0; i < naps; i++)
        {
            long start = Stopwatch.GetTimestamp();
            sleep();
            late.Add((Stopwatch.GetElapsedTime(start) - s_nap).TotalMicroseconds);
        }
    }

    private static async Task NapAsync(ConcurrentBag<double> late, int naps)
    {
        for (int i = 0; i < naps; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await Task.Delay(s_nap);
            late.Add((Stopwatch.GetElapsedTime(start) - s_nap).TotalMicroseconds);
        }
    }

    private static void OnThreads(Action body)
    {
        Thread[] threads = [.. Enumerable.Range(0, Sleepers).Select(_ => new Thread(() => body()))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
    }
}
