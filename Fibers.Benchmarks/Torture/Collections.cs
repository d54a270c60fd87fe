using System.Runtime;

namespace Fibers.Benchmarks.Torture;

/// <summary>Collects every generation in every way, all the time: from a thread of its own, and from fibers.</summary>
internal sealed class Collections(World world, Board board, Diary diary, Random random)
{
    public void RunOnThread()
    {
        while (!world.Stopping)
        {
            One();
            Publish();
            Thread.Sleep(random.Next(0, 2)); // without it nobody else would run
        }
    }

    public void RunOnFiber()
    {
        while (!world.Stopping)
        {
            One();
            diary.Now(Step.FiberSleep);
            Fiber.Sleep(TimeSpan.FromMilliseconds(random.Next(5, 50)));
        }
    }

    private void One()
    {
        diary.Now(Step.Collecting);
        switch (random.Next(16))
        {
            case < 6: GC.Collect(0, GCCollectionMode.Forced, blocking: true); break;
            case < 9: GC.Collect(1, GCCollectionMode.Forced, blocking: true); break;
            case < 11: GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true); break;
            case 11: GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: false); break;
            case < 14: GC.Collect(2, GCCollectionMode.Forced, blocking: false); break; // a background one where they exist
            case 14:
                GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
                GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                break;
            default:
                GC.Collect(0);
                diary.Now(Step.WaitingForFinalizers);
                GC.WaitForPendingFinalizers();
                break;
        }

        diary.Advance();
    }

    private unsafe void Publish()
    {
        board.Head->Generation0 = GC.CollectionCount(0);
        board.Head->Generation1 = GC.CollectionCount(1);
        board.Head->Generation2 = GC.CollectionCount(2);
    }
}
