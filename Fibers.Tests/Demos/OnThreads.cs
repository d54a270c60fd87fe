using Fibers.Tests.ChildProcess;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>What the demos say where the native backend cannot be had, and each fiber is a kernel thread.</summary>
public sealed class OnThreads
{
    [Theory]
    [InlineData("threadlocal")]
    [InlineData("fibonacci")]
    [InlineData("noop-await")]
    [InlineData("deadlock")]
    [InlineData("starvation")]
    public void A_demo_of_what_only_the_native_backend_does_says_so_and_why_it_is_not_there(string demo) => DemoProcess.RunOnThreads(demo)
        .ShouldBe(new ChildResult(1, "", "This demo shows what only the native backend does. The Native backend cannot be used here: FIBERS_BACKEND=threads is set.\n"));

    [Fact]
    public void Swap_says_why_nothing_could_be_recorded() =>
        DemoProcess.RunOnThreads("swap").ShouldBe(new ChildResult(1, "", "Nothing could be recorded: FIBERS_BACKEND=threads is set.\n"));

    [Theory]
    [InlineData("tour")]
    [InlineData("structured")]
    [InlineData("two-files")]
    [InlineData("client-server")]
    [InlineData("gc")]
    [InlineData("zig")]
    [InlineData("race")]
    [InlineData("back-pressure")]
    public void Any_other_demo_comes_out_and_claims_no_carrier(string demo)
    {
        ChildResult result = DemoProcess.RunOnThreads(demo);
        result.ShouldSatisfyAllConditions(
            () => (result.ExitCode, result.Error).ShouldBe((0, "")),
            () => result.Output.ShouldNotContain("carrier"));
    }
}
