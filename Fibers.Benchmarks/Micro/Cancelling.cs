using System.Diagnostics;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>A thousand wait for ever; each is cancelled, and all have ended. Nanoseconds each, the unwinding included; their creation is not.</summary>
internal sealed class Cancelling : Question
{
    private const int Waiters = 1000;

    public override string Name => "cancel";
    public override string Asks => $"Cancel {Waiters:N0} that are parked, and wait until they have ended";
    public override string Unit => "ns each";

    public override Contest Prepare(Effort effort)
    {
        int times = effort.Times(10);
        FiberRuntime all = Runtimes.With(Math.Max(2, Environment.ProcessorCount));
        return new Contest([
            new Contender("fibers in Fiber.Sleep", () => Sum(times, () => all.Run(static () => Fibers(static () => Fiber.Sleep(Timeout.InfiniteTimeSpan)))), () => FiberUse.Of(all)),
            new Contender("fibers in Thread.Sleep", () => Sum(times, () => all.Run(static () => Fibers(static () => Thread.Sleep(Timeout.Infinite)))), () => FiberUse.Of(all)),
            new Contender("tasks in Task.Delay", () => Sum(times, Tasks)),
            new Contender("threads in Thread.Sleep, interrupted", () => Sum(Math.Max(1, times / 10), Threads)),
            .. GoTwin.Contender("Go, context.WithCancel", "cancel", $"{Waiters}", $"{times}"),
        ]);
    }

    private static Figure Sum(int times, Func<Figure> once)
    {
        Figure[] all = [.. Enumerable.Range(0, times).Select(_ => once())];
        return new Figure(all.Average(static figure => figure.Value), all.Average(static figure => figure.ProcessorNs));
    }

    private static Figure Fibers(Action wait)
    {
        using var arrived = new CountdownEvent(Waiters);
        Fiber[] fibers = [.. Enumerable.Range(0, Waiters).Select(_ => Fiber.Spawn(() =>
        {
            arrived.Signal();
            wait();
        }))];
        arrived.Wait();
        return Timed.PerOperation(Waiters, () =>
        {
            foreach (Fiber fiber in fibers)
                fiber.RequestCancel();
            foreach (Fiber fiber in fibers)
                fiber.Dispose();
        });
    }

    private static Figure Tasks()
    {
        CancellationTokenSource[] sources = [.. Enumerable.Range(0, Waiters).Select(static _ => new CancellationTokenSource())];
        using var arrived = new CountdownEvent(Waiters);
        Task[] tasks = [.. sources.Select(source => Task.Run(async () =>
        {
            arrived.Signal();
            await Task.Delay(Timeout.Infinite, source.Token);
        }))];
        arrived.Wait();
        return Timed.PerOperation(Waiters, () =>
        {
            foreach (CancellationTokenSource source in sources)
                source.Cancel();
            Task.WhenAll(tasks).ContinueWith(static _ => { }, TaskScheduler.Default).Wait(); // it fails, as it must
        });
    }

    private static Figure Threads()
    {
        using var arrived = new CountdownEvent(Waiters);
        Thread[] threads = [.. Enumerable.Range(0, Waiters).Select(_ => new Thread(() =>
        {
            try
            {
                arrived.Signal();
                Thread.Sleep(Timeout.Infinite);
            }
            catch (ThreadInterruptedException)
            {
                // that is how it ends
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        arrived.Wait();
        return Timed.PerOperation(Waiters, () =>
        {
            foreach (Thread thread in threads)
                thread.Interrupt();
            foreach (Thread thread in threads)
                thread.Join();
        });
    }
}
