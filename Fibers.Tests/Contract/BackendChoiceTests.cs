using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

/// <summary>Which backend Auto takes, and why. In a child process: the choice is made once per process.</summary>
public class BackendChoiceTests
{
    [Fact]
    public void Auto_is_Native_here() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Start(new FiberRuntimeOptions());
        runtime.FallbackReason.ShouldBeNull();
        runtime.Backend.ShouldBe(FiberBackend.Native);
    });

    [Fact]
    public void FIBERS_BACKEND_makes_Auto_fall_back_and_the_reason_says_so()
    {
        ChildResult result = Child.Run(Scenarios.ReportBackend, ("FIBERS_BACKEND", "threads"));
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.Trim().ShouldBe("Threads|FIBERS_BACKEND=threads is set|42");
    }

    [Theory]
    [InlineData("")]
    [InlineData("auto")]
    [InlineData("Native")]
    public void FIBERS_BACKEND_that_asks_for_no_other_leaves_Auto_alone(string wanted)
    {
        ChildResult result = Child.Run(Scenarios.ReportBackend, ("FIBERS_BACKEND", wanted));
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.Trim().ShouldBe("Native||42");
    }

    [Fact]
    public void The_same_programme_prints_the_same_on_kernel_threads()
    {
        ChildResult native = Child.Run(Scenarios.SmallProgramme, ("FIBERS_BACKEND", "native")), threads = Child.Run(Scenarios.SmallProgramme, ("FIBERS_BACKEND", "threads"));
        native.ExitCode.ShouldBe(0, native.Error);
        threads.ExitCode.ShouldBe(0, threads.Error);
        native.Output.ShouldContain("canceled Canceled");
        threads.Output.ShouldBe(native.Output);
    }

    [Fact]
    public void A_shadow_stack_makes_Auto_fall_back_and_the_reason_says_so()
    {
        ChildResult result = Child.Run(Scenarios.ReportWithShadowStack);
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.ShouldStartWith("Threads|the process runs with a shadow stack");
        result.Output.Trim().ShouldEndWith("|42");
    }

    [Fact]
    public void Asking_for_Native_where_it_cannot_be_had_throws_with_the_reason()
    {
        ChildResult result = Child.Run(Scenarios.RequireNative, ("FIBERS_BACKEND", "threads"));
        result.ExitCode.ShouldBe(0, result.Error);
        result.Output.ShouldContain("FIBERS_BACKEND=threads is set");
    }
}
