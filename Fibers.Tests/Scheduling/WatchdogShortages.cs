using Fibers.Tests.ChildProcess;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Scheduling;

/// <summary>Threads, descriptors or memory have run out, in a child process: the watchdog does later what it cannot do now, and nothing is lost.</summary>
public class WatchdogShortages
{
    [Fact]
    public void A_spare_carrier_that_cannot_be_started_is_started_when_there_are_threads_again() =>
        Lines(Scenarios.NoThreadForASpare).ShouldBe(["1 carrier, 0 spares, Created", "the other ran"]);

    [Fact]
    public void Virtual_threads_that_cannot_be_ended_stay_in_use_and_Dispose_waits_until_they_can() =>
        Lines(Scenarios.NoThreadToEndOn).ShouldBe(["trimmed 0, idle 0 less", "created 0 more", "trimmed some: True", "disposed 0, waits", "left 0"]);

    [Fact]
    public void A_runtime_that_cannot_start_all_its_carriers_starts_none() =>
        Lines(Scenarios.NoThreadForEveryCarrier).ShouldBe(["refused: True, then 7"]);

    [Fact]
    public void Where_nobody_can_be_looked_at_somebody_else_may_be_there() =>
        Lines(Scenarios.NoDescriptorToLookWith)[^2..].ShouldBe(["woken", "told"]);

    [Fact]
    public void A_snapshot_without_memory_leaves_the_registry_usable() =>
        Lines(Scenarios.NoMemoryForASnapshot, ("DOTNET_GCHeapHardLimit", "0x10000000")).ShouldBe(["300000 300000"]);

    private static string[] Lines(string scenario, params (string, string)[] environment)
    {
        ChildResult result = Child.Run(scenario, environment);
        result.ExitCode.ShouldBe(0, result.All);
        return result.Output.Trim().Split(Environment.NewLine);
    }
}
