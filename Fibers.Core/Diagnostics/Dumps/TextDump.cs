using System.Globalization;

namespace Fibers.Diagnostics.Dumps;

/// <summary>A snapshot for people. Fibers that stand at the same place share one stack, as in Go.</summary>
internal sealed class TextDump(TextWriter output)
{
    private const string Indent = "    ";

    public void Write(RuntimeSnapshot runtime)
    {
        Line($"Fibers, runtime {runtime.Id} ({runtime.Backend}{(runtime.FallbackReason is { } reason ? $": {reason}" : "")}): {runtime.Fibers.Count} fibers");
        Line($"  {Describe(runtime.Statistics)}");
        if (runtime.Scheduler is { } scheduler)
            Line($"  {Describe(scheduler)}");
        foreach (CarrierSnapshot carrier in runtime.Carriers)
            Line($"  {Describe(carrier)}");
        foreach ((string site, long count) in runtime.Statistics.BlockingCallSites)
            Line($"  blocked a carrier {count} times: {site}");
        if (runtime.NotInspected is { } why)
            Line($"  no stacks and no owners of locks: {why}");
        foreach (IReadOnlyList<PartySnapshot> cycle in runtime.Cycles)
            Write(cycle);
        foreach (FiberSnapshot[] alike in Fold(runtime.Fibers))
            Write(alike);
        if (runtime.Omitted > 0)
            Line($"{Environment.NewLine}{runtime.Omitted} more fibers were not looked at");
        output.Flush();
    }

    /// <summary>One cycle, for reports of their own.</summary>
    public void Write(IReadOnlyList<PartySnapshot> cycle)
    {
        Line("");
        Line($"DEADLOCK: {string.Join(" waits for ", cycle)} waits for {cycle[0]}");
        foreach (PartySnapshot party in cycle)
        {
            Line($"  {party} is {party.Waits}");
            Write(party.Stack!);
        }
    }

    private void Write(FiberSnapshot[] alike)
    {
        Line("");
        if (alike.Length > 1)
            Line($"{alike.Length} fibers with the same stack:");
        foreach (FiberSnapshot fiber in alike)
            Line(Describe(fiber));
        Write(alike[0].Stack);
    }

    private void Write(StackSnapshot stack)
    {
        if (stack.Missing is { } why)
            Line($"{Indent}no stack: {why}");
        foreach (string frame in stack.Frames)
            Line($"{Indent}at {frame}");
    }

    // Oldest first, and whoever is like the oldest.
    private static IEnumerable<FiberSnapshot[]> Fold(IEnumerable<FiberSnapshot> fibers) =>
        fibers.GroupBy(static fiber => $"{fiber.State}\n{fiber.Stack.Missing}\n{string.Join('\n', fiber.Stack.Frames)}").Select(static group => group.ToArray());

    private static string Describe(FiberSnapshot fiber)
    {
        string text = $"fiber {fiber.Id}{(fiber.Name is null ? "" : $" \"{fiber.Name}\"")}: {fiber.State}";
        if (fiber.Carrier is { } carrier)
            text += $" on carrier {carrier}";
        if (fiber.ForSeconds is { } seconds)
            text += string.Create(CultureInfo.InvariantCulture, $" for {seconds:0.00} s");
        if (fiber.Wait is { } wait)
            text += $", {wait.Text}";
        text += fiber.ParentId is { } parent ? $"; spawned by fiber {parent}{(fiber.ParentName is null ? "" : $" \"{fiber.ParentName}\"")}" : "; spawned by a thread";
        return fiber.Group is null ? text : $"{text}; in {fiber.Group}";
    }

    private static string Describe(CarrierSnapshot carrier) =>
        $"{(carrier.Spare ? "spare carrier" : "carrier")} {carrier.Index}: {carrier.State}{(carrier.Fiber is { } fiber ? $" fiber {fiber}" : "")}{(carrier.BlockedIn is { } call ? $", blocked in {call}" : "")}, {carrier.Queued} queued, {carrier.Switches} switches";

    private static string Describe(SchedulerSnapshot scheduler) =>
        $"queued for all {scheduler.Injected}, starving {scheduler.Starving}, timers {scheduler.Timers}{(scheduler.NextDeadlineMs is { } next ? $" (next in {next} ms)" : "")}, " +
        $"poller: {(scheduler.Polling is { } carrier ? $"carrier {carrier}" : "nobody")}, idle virtual threads {scheduler.IdleVirtualThreads}";

    private static string Describe(FiberStatistics statistics) =>
        $"spawned {statistics.Spawned}, ended {statistics.Ended}, run inline {statistics.InlineRuns}, switches {statistics.Switches}, steals {statistics.Steals}, native wakes {statistics.NativeWakes}, " +
        $"spares started {statistics.SparesStarted}, virtual threads created {statistics.VirtualThreadsCreated}, rescued {statistics.Rescued}, blocking calls {statistics.BlockingCalls}, unobserved exceptions {statistics.Unobserved}";

    private void Line(string text) => output.WriteLine(text);
}
