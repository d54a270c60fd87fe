using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class Statistics
{
    [Fact]
    public void They_print_which_calls_blocked_and_how_often()
    {
        var statistics = new FiberStatistics { BlockingCalls = 5, BlockingCallSites = [new("flock, called by Baker.Bake()", 3), new("fcntl", 2)] };
        statistics.ToString().ShouldContain("BlockingCalls = 5, BlockingCallSites = [flock, called by Baker.Bake(): 3; fcntl: 2],");
        new FiberStatistics().ToString().ShouldContain("BlockingCallSites = [],");
    }

    [Fact]
    public void They_are_equal_when_nothing_has_happened() => new FiberStatistics().ShouldBe(new FiberStatistics());
}
