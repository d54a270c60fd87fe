using Fibers.Diagnostics.Inspection;
using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers.Diagnostics.Dumps;

/// <summary>Looks at a runtime and writes down what it sees. Stops nothing: each fiber is right by itself, at a moment of its own.</summary>
internal static class SnapshotGatherer
{
    /// <summary>Any thread or fiber. Never parks, but for the first call in a process, which tests what it knows of .NET. At most so many fibers, the oldest.</summary>
    public static RuntimeSnapshot Gather(FiberRuntime runtime, int most = int.MaxValue)
    {
        List<Fiber> all = runtime.Registry.Snapshot();
        List<Fiber> fibers = all.Count <= most ? all : all.GetRange(0, most);
        var stacks = new StackReader();
        var parties = new Parties(runtime);
        var reader = new FiberReader(stacks, parties);
        FiberSnapshot[] read = [.. fibers.Select(reader.Read)];
        return new RuntimeSnapshot
        {
            Id = runtime.Id,
            Backend = runtime.Backend,
            FallbackReason = runtime.FallbackReason,
            Statistics = runtime.Statistics,
            Scheduler = runtime.Scheduler is { } scheduler ? Describe(scheduler) : null,
            Carriers = [.. CarriersOf(runtime).Select(Describe)],
            Fibers = read,
            Omitted = all.Count - fibers.Count,
            Cycles = Circles(fibers, read, new ThreadReader(stacks, parties)),
            NotInspected = Inspector.Reason,
        };
    }

    private static IReadOnlyList<PartySnapshot>[] Circles(List<Fiber> fibers, FiberSnapshot[] read, ThreadReader threads)
    {
        var byId = read.ToDictionary(static fiber => fiber.Id);
        var graph = new WaitGraph(party => party.Fiber is { } id ? byId.TryGetValue(id, out FiberSnapshot? fiber) ? WaitNode.Of(party, fiber) : null : threads.Read(party));
        return [.. fibers.SelectMany(fiber => graph.Follow(Parties.Of(fiber))).Select(static circle => (PartySnapshot[])[.. circle.Way.Skip(circle.First).Select(static node => node.Party)])];
    }

    private static IEnumerable<Carrier> CarriersOf(FiberRuntime runtime) => runtime.Scheduler is { } scheduler ? scheduler.AllCarriers.ToArray().OfType<Carrier>() : [];

    private static SchedulerSnapshot Describe(Scheduler scheduler)
    {
        long next = scheduler.Timers.NextDeadline;
        return new SchedulerSnapshot(scheduler.Injected.Count, scheduler.Starving.Count, scheduler.Timers.Count, next == Clock.Never ? null : Math.Max(0, next - Clock.Now) / 1_000_000, scheduler.Idle.Poller?.Index, scheduler.Pool.Idle);
    }

    private static CarrierSnapshot Describe(Carrier carrier)
    {
        Fiber? fiber = carrier.Mounted;
        string state = fiber is not null || carrier.State == CarrierState.Running ? "running" : carrier.State.ToString().ToLowerInvariant();
        return new CarrierSnapshot(carrier.Index, carrier.IsSpare, state, fiber?.Id, Math.Max(0, carrier.Queue.Count), carrier.Switches, fiber is null ? null : KernelThread.BlockedIn(carrier.KernelId));
    }
}
