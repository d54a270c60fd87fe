using Fibers.Diagnostics;
using Fibers.Parking;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;
using Entry = Fibers.Tests.Diagnostics.RecordingProbe.Entry;

namespace Fibers.Tests.Diagnostics;

public class Probes
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void What_happens_to_a_fiber_is_told_completely_and_in_order(int carriers) => Bounded.Run(() =>
    {
        const int fibers = 50;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        using var probe = new RecordingProbe(runtime);
        var gate = new FiberChannel<int>();
        Fiber[] all = [.. Enumerable.Range(0, fibers).Select(i => runtime.SpawnConcurrent(() =>
        {
            Fiber.Yield();
            Fiber.Sleep(TimeSpan.FromMilliseconds(1));
            Thread.Sleep(1);
            gate.Receive();
        }))];
        Eventually.True(() => all.All(static fiber => fiber.VirtualThread is { IsParked: true, Reason: ParkReason.Channel }), "every fiber is parked in the channel");
        for (int i = 0; i < fibers; i++)
            gate.Send(i);
        foreach (Fiber fiber in all)
            fiber.Join();

        if (runtime.Statistics.Rescued > 0)
            return; // the rescue carrier reports nothing
        foreach (Fiber fiber in all)
            ShouldBeALife(probe.Of(fiber));
        probe.Count(nameof(Probe.Stolen)).ShouldBe((int)runtime.Statistics.Steals);
        probe.Count(nameof(Probe.Spawned)).ShouldBe((int)runtime.Statistics.Spawned);
        probe.Count(nameof(Probe.RunBegins)).ShouldBe((int)runtime.Statistics.Switches);
    });

    private static void ShouldBeALife(IReadOnlyList<Entry> life)
    {
        string story = string.Join(Environment.NewLine, life);
        life[0].What.ShouldBe(nameof(Probe.Spawned), story);
        life[^1].What.ShouldBe(nameof(Probe.Ended), story);
        Entry before = life[0];
        foreach (Entry entry in life.Skip(1))
        {
            string[] allowed = before.What switch
            {
                nameof(Probe.RunBegins) => [nameof(Probe.RunEnds)],
                nameof(Probe.RunEnds) when before.Parked => [nameof(Probe.Woken)],
                nameof(Probe.RunEnds) when before.Request == RequestKind.Finished => [nameof(Probe.Ended)],
                _ => [nameof(Probe.RunBegins)],
            };
            if (entry.What == nameof(Probe.Stolen))
                continue;
            allowed.ShouldContain(entry.What, story);
            before = entry;
        }

        life.Where(static entry => entry.Parked).Select(static entry => entry.Reason).ShouldBe([ParkReason.Sleep, ParkReason.RuntimeWait, ParkReason.Channel], story);
    }

    [Fact]
    public void A_wake_up_says_who_woke() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var probe = new RecordingProbe(runtime);
        var gate = new FiberChannel<int>();
        Fiber receiver = runtime.SpawnConcurrent(() => { gate.Receive(); });
        Eventually.True(() => FiberState.IsParked(receiver), "the receiver is parked");
        Fiber sender = runtime.SpawnConcurrent(() => gate.Send(1));
        receiver.Join();
        sender.Join();
        Entry woken = probe.Of(receiver).Single(static entry => entry.What == nameof(Probe.Woken));
        woken.Other.ShouldBe(sender);
        woken.Wake.ShouldBe(Wake.Unparked);

        Fiber sleeper = runtime.SpawnConcurrent(static () => Fiber.Sleep(TimeSpan.FromMilliseconds(1)));
        sleeper.Join();
        woken = probe.Of(sleeper).Single(static entry => entry.What == nameof(Probe.Woken));
        woken.Other.ShouldBeNull();
        woken.Carrier.ShouldNotBeNull();
        woken.Wake.ShouldBe(Wake.Timeout);
    });

    [Fact]
    public void A_spawn_names_the_parent_and_an_inline_run_its_reason() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1, maxFibers: 1);
        using var probe = new RecordingProbe(runtime);
        Fiber? child = null;
        Fiber parent = runtime.SpawnConcurrent(() => child = Fiber.Spawn(static () => { }));
        parent.Join();
        probe.Of(parent)[0].Other.ShouldBeNull();
        probe.Of(child!).Select(static entry => entry.What).ShouldBe([nameof(Probe.Spawned), nameof(Probe.RanInline), nameof(Probe.Ended)]);
        probe.Of(child!)[0].Other.ShouldBe(parent);
        probe.Of(child!)[1].Inline.ShouldBe(InlineReason.Limit);
    });

    [Fact]
    public void Several_listen_and_one_that_left_hears_nothing_more() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var first = new RecordingProbe(runtime);
        var second = new RecordingProbe(runtime);
        runtime.SpawnConcurrent(static () => { }).Join();
        second.Dispose();
        runtime.SpawnConcurrent(static () => { }).Join();
        second.Count(nameof(Probe.Ended)).ShouldBe(1);
        first.Count(nameof(Probe.Ended)).ShouldBe(2);
        first.Dispose();
        Probe.Current.ShouldBeNull();
    });
}
