using Fibers.Tests.ChildProcess;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

public class StackOverflow
{
    private const int Aborted = 128 + 6; // SIGABRT, as a shell reports it

    [Fact]
    public void A_stack_overflow_on_a_fiber_gives_the_report_of_the_runtime_and_ends_the_process()
    {
        ChildResult result = Child.Run(Scenarios.StackOverflow);
        result.ExitCode.ShouldBe(Aborted, result.Error);
        result.Error.ShouldContain("Stack overflow.");
        result.Error.ShouldContain("DescendForEver");
        result.Error.ShouldContain("Fibers.VirtualThreads.VirtualThread.Main");
        result.Output.ShouldBeEmpty();
    }
}
