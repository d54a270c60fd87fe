using System.Diagnostics;

namespace Fibers.Benchmarks.Torture;

/// <summary>The process that is tortured. Its supervisor watches the board.</summary>
internal sealed unsafe class TorturedProcess(TortureSettings settings, Board board)
{
    private readonly List<Fiber> _fibers = [];
    private int _slot;

    public int Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = settings.Carriers });
        var world = new World(runtime, settings.Seed);
        board.Head->Phase = Board.Phase.Running;
        Thread collector = StartCollector(world);
        int pairs = Math.Max(1, settings.Fibers / 12), few = Math.Max(1, settings.Fibers / 30);
        for (int i = 0; i < pairs; i++)
        {
            var sockets = new SocketPingPong(world);
            Spawn(world, Part.SocketPingPong, (diary, _) => sockets.Serve(diary));
            Spawn(world, Part.SocketPingPong, (diary, _) => sockets.Call(diary));
            var buffer = new WaitAndPulse(world);
            Spawn(world, Part.WaitAndPulse, (diary, _) => buffer.Produce(diary));
            Spawn(world, Part.WaitAndPulse, (diary, _) => buffer.Consume(diary));
        }

        for (int i = 0; i < few; i++)
            Spawn(world, Part.SpawnChurn, (diary, random) => new SpawnChurn(world, diary, random).Run());
        for (int i = 0; i < 3; i++)
            Spawn(world, Part.TightLoops, (diary, random) => new TightLoops(world, diary, random).Run());
        Spawn(world, Part.CollectingFibers, (diary, random) => new Collections(world, board, diary, random).RunOnFiber());
        while (_fibers.Count < settings.Fibers)
            Spawn(world, Part.DeepStacks, (diary, random) => new DeepStacks(world, diary, random).Run());

        var elapsed = Stopwatch.StartNew();
        Thread.Sleep(TimeSpan.FromSeconds(settings.Seconds));
        board.Head->Phase = Board.Phase.Stopping;
        world.Stop();
        foreach (Fiber fiber in _fibers)
            fiber.Join();
        collector.Join();
        world.VerifyLocks();
        Report(runtime, elapsed.Elapsed);
        board.Head->Phase = Board.Phase.Done;
        return 0;
    }

    private void Spawn(World world, Part part, Action<Diary, Random> body)
    {
        (Diary diary, Random random) = Next(part);
        _fibers.Add(world.Runtime.SpawnConcurrent(() =>
        {
            diary.Now(Step.Computing);
            body(diary, random);
            diary.Now(Step.Ended);
        }));
    }

    private Thread StartCollector(World world)
    {
        (Diary diary, Random random) = Next(Part.CollectingThread);
        var thread = new Thread(() =>
        {
            new Collections(world, board, diary, random).RunOnThread();
            diary.Now(Step.Ended);
        });
        thread.Start();
        return thread;
    }

    private (Diary Diary, Random Random) Next(Part part)
    {
        var random = new Random(HashCode.Combine(settings.Seed, _slot));
        var diary = new Diary(board[_slot++]);
        diary.Begin((int)part);
        return (diary, random);
    }

    private void Report(FiberRuntime runtime, TimeSpan elapsed)
    {
        FiberStatistics statistics = runtime.Statistics;
        Verify.That(runtime.Backend == FiberBackend.Native, $"the fibers ran on {runtime.Backend}");
        Verify.That(statistics.Spawned == statistics.Ended && statistics.Live == 0, $"{statistics.Spawned} fibers were spawned, {statistics.Ended} ended, {statistics.Live} live");
        Verify.That(statistics.InlineRuns == 0, $"{statistics.InlineRuns} bodies ran inline");
        Verify.That(GC.CollectionCount(2) > 0 && statistics.Switches > settings.Fibers, "nothing was tortured");
        Console.WriteLine($"right: {elapsed.TotalSeconds:F1} s, {settings.Fibers} fibers, {settings.Carriers} carriers; {statistics.Switches:N0} switches, {statistics.Steals:N0} steals, " +
            $"{statistics.NativeWakes:N0} native wakes, {statistics.SparesStarted:N0} spares, {statistics.Rescued:N0} rescues; collections {GC.CollectionCount(0):N0}/{GC.CollectionCount(1):N0}/{GC.CollectionCount(2):N0}");
    }
}
