using Fibers.Tests.ChildProcess;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

/// <summary>Without a promise: a deadlock is reported when nothing else can run in the process, and only then. So in child processes.</summary>
public class DeadlockInAProcess
{
    [Fact]
    public void It_is_found_where_nothing_else_can_run()
    {
        ChildResult result = Child.Run(Scenarios.Deadlock);
        result.ExitCode.ShouldBe(0, result.Error);
        foreach (FiberBackend backend in (FiberBackend[])[FiberBackend.Inline, FiberBackend.Threads, FiberBackend.Native])
            result.Output.ShouldContain($"FiberChannel \"nobody sends on {backend}\"");
    }

    [Fact]
    public void There_is_no_alarm_when_the_end_of_a_fiber_wakes_somebody()
    {
        ChildResult result = Child.Run(Scenarios.WokenAtAnEnd);
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.Trim().Split(Environment.NewLine).ShouldBe(["Threads", "Native"]);
    }

    [Fact]
    public void There_is_no_alarm_while_a_thread_a_task_a_timer_or_a_sleeping_fiber_will_wake_somebody()
    {
        ChildResult result = Child.Run(Scenarios.WokenLate);
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.Trim().Split(Environment.NewLine).ShouldBe(Enumerable.Range(0, 6).Select(static i => $"woken {i}"));
    }
}
