namespace Fibers.Tests.ChildProcess;

/// <summary>For the finder of deadlocks: processes in which nothing else runs, or something does.</summary>
internal static class Deadlocks
{
    public static int Report()
    {
        foreach (FiberBackend backend in (FiberBackend[])[FiberBackend.Inline, FiberBackend.Threads, FiberBackend.Native])
        {
            using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = backend, Carriers = 2 });
            try
            {
                runtime.Run(() => new FiberChannel<int>(name: $"nobody sends on {backend}").Receive());
            }
            catch (FiberDeadlockException deadlock)
            {
                Console.WriteLine(deadlock.Message);
            }
        }

        return 0;
    }

    // Each is woken by somebody the finder must not overlook, late enough for it to look first.
    public static int WokenLate()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 2 });
        Action<Action>[] wakers =
        [
            static wake => new Thread(() => WakeLater(wake)).Start(),
            static wake => Task.Run(() => WakeLater(wake)),
            static wake => _ = Task.Delay(s_late).ContinueWith(_ => wake(), TaskScheduler.Default),
            static wake => Fiber.Spawn(() => WakeLater(wake)),
            static wake => Fiber.Spawn(() =>
            {
                Fiber.Sleep(s_late);
                wake();
            }),
            static wake => ThreadPool.UnsafeQueueUserWorkItem(_ => WakeLater(wake), null),
        ];
        for (int i = 0; i < wakers.Length; i++)
        {
            var channel = new FiberChannel<int>();
            int got = runtime.Run(() =>
            {
                wakers[i](() => channel.Send(i));
                return channel.Receive();
            });
            Console.WriteLine($"woken {got}");
        }

        return 0;
    }

    // In each the end of one fiber wakes another, through something other than a plain join.
    public static int WokenAtAnEnd()
    {
        Action[] programs =
        [
            static () => FiberGroup.Run(static group => group.Spawn(static () => Thread.Sleep(s_late))),
            static () => Fiber.All(static () => Thread.Sleep(s_late), static () => Thread.Sleep(s_late / 2)),
            static () => Fiber.ForEach([1, 2, 3], 2, static _ => Thread.Sleep(s_late / 2)),
            static () => new FiberSelect().Join(Fiber.Spawn(static () => Thread.Sleep(s_late))).Run(),
            static () =>
            {
                var channel = new FiberChannel<int>();
                Fiber.Spawn(static () => Thread.Sleep(s_late)).AsTask().ContinueWith(_ => channel.Send(1), TaskScheduler.Default);
                channel.Receive();
            },
        ];
        foreach (FiberBackend backend in (FiberBackend[])[FiberBackend.Threads, FiberBackend.Native])
        {
            using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = backend, Carriers = 2 });
            foreach (Action program in programs)
                runtime.Run(program);
            Console.WriteLine(backend);
        }

        return 0;
    }

    private static readonly TimeSpan s_late = TimeSpan.FromMilliseconds(200);

    private static void WakeLater(Action wake)
    {
        Thread.Sleep(s_late);
        wake();
    }
}
