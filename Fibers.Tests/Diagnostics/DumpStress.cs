using Fibers.Diagnostics.Dumps;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class DumpStress
{
    private const int Fibers = 200;

    /// <summary>Dumps in a loop while everything they look at moves: fibers that park in every way, are woken, cancelled, end and are replaced, on more carriers than processors, and the collector moves what they hold.</summary>
    [Fact]
    public void Dumping_in_a_loop_disturbs_nobody_while_fibers_move_and_collections_run() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(4);
        var world = new World(runtime);
        bool stop = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                GC.Collect(Random.Shared.Next(3), GCCollectionMode.Forced, blocking: true, compacting: true);
                Thread.Sleep(1);
            }
        })
        { IsBackground = true };
        collector.Start();
        Fiber[] fibers = [.. Enumerable.Range(0, Fibers).Select(i => runtime.SpawnConcurrent(() => world.Live(i)))];

        long parked = 0, stacks = 0;
        long end = Environment.TickCount64 + (long)Stress.Duration.TotalMilliseconds;
        while (Environment.TickCount64 < end)
        {
            foreach (FiberSnapshot fiber in SnapshotGatherer.Gather(runtime).Fibers)
            {
                if (fiber.State != "parked")
                    continue;
                parked++;
                stacks += fiber.Stack.Frames.Count > 0 ? 1 : 0;
                fiber.Stack.Frames.ShouldContain(static frame => frame.Contains(nameof(World)), string.Join(Environment.NewLine, fiber.Stack.Frames));
            }
        }

        world.Stop();
        foreach (Fiber fiber in fibers)
            fiber.Join();
        Volatile.Write(ref stop, true);
        collector.Join();
        parked.ShouldBeGreaterThan(0);
        stacks.ShouldBe(parked);
        world.Turns.ShouldBeGreaterThan(Fibers);
        TestContext.Current.TestOutputHelper?.WriteLine($"{parked} parked fibers seen, {world.Turns} waits done");
    });

    private sealed class World(FiberRuntime runtime)
    {
        private readonly FiberChannel<int> _channel = new(4);
        private readonly object _monitor = new();
        private readonly Lock _lock = new();
        private readonly SemaphoreSlim _semaphore = new(3);
        private volatile bool _stop;
        private long _turns;

        public long Turns => Volatile.Read(ref _turns);

        public void Stop() => _stop = true;

        public void Live(int seed)
        {
            var random = new Random(seed);
            while (!_stop)
            {
                Turn(random.Next(8), random);
                Interlocked.Increment(ref _turns);
            }
        }

        private void Turn(int way, Random random)
        {
            switch (way)
            {
                case 0:
                    Fiber.Sleep(TimeSpan.FromMicroseconds(random.Next(1000)));
                    break;
                case 1:
                    Thread.Sleep(random.Next(2));
                    break;
                case 2:
                    lock (_monitor)
                        Fiber.Sleep(TimeSpan.FromMicroseconds(50));
                    break;
                case 3:
                    lock (_lock)
                        Fiber.Yield();
                    break;
                case 4:
                    _semaphore.Wait();
                    Fiber.Yield();
                    _semaphore.Release();
                    break;
                case 5:
                    _channel.Send(1, TimeSpan.FromMilliseconds(1));
                    break;
                case 6:
                    _channel.Receive(out _, TimeSpan.FromMilliseconds(1));
                    break;
                default:
                    using (Fiber child = runtime.SpawnConcurrent(WaitToBeCanceled)) // disposing cancels it, wherever it is
                        Fiber.Yield();
                    break;
            }
        }

        private void WaitToBeCanceled()
        {
            lock (_monitor)
                Monitor.Wait(_monitor, 1000);
        }
    }
}
