using Fibers.Native;
using Fibers.Scheduling;
using Fibers.VirtualThreads;

namespace Fibers.Backends;

/// <summary>Joins the contract to the M:N scheduler.</summary>
internal sealed class NativeBackend(FiberRuntime runtime, FiberRuntimeOptions options) : Backend
{
    private readonly Scheduler _scheduler = new(runtime, options);

    public override FiberBackend Kind => FiberBackend.Native;

    public Scheduler Scheduler => _scheduler;

    public override bool TrySpawn(Fiber fiber)
    {
        if (_scheduler.FeedStarving())
            return false; // creation has failed and others wait already: asynchrony may as well happen here
        _scheduler.EnqueueNew(fiber);
        return true;
    }

    public override bool TrySpawnConcurrent(Fiber fiber, out string reason)
    {
        VirtualThread? thread = _scheduler.Pool.Rent();
        if (thread is null)
        {
            reason = "no stack or thread can be had for it";
            return false;
        }

        reason = "";
        FiberRuntime.ReportSpawned(fiber);
        if (!fiber.TryBegin())
        {
            _scheduler.Pool.Return(thread);
            return true; // cancelled before it began, by a runtime that is being disposed: it has ended
        }

        thread.Carry(fiber);
        _scheduler.EnqueueNew(fiber);
        return true;
    }

    public override FiberStatistics Describe(FiberStatistics statistics) => statistics with
    {
        Switches = _scheduler.Switches,
        Steals = _scheduler.Steals,
        NativeWakes = _scheduler.Inbox.Pushes,
        UringCalls = (long)Shim.fibers_uring_count(),
        OffloadedCalls = (long)Shim.fibers_offload_count(),
        Carriers = _scheduler.LiveCarriers,
        SpareCarriers = _scheduler.LiveSpares,
        BlockingCalls = _scheduler.Blocking.Count,
        BlockingCallSites = _scheduler.Blocking.Sites,
        SparesStarted = _scheduler.Watchdog.SparesStarted,
        Rescued = _scheduler.Inbox.Rescued,
        VirtualThreadsCreated = _scheduler.Pool.Created,
        VirtualThreadsDestroyed = _scheduler.Pool.Destroyed,
        VirtualThreadsIdle = _scheduler.Pool.Idle,
    };

    public override void Dispose() => _scheduler.Dispose();
}
