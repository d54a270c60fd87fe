using Shouldly;
using Xunit;

namespace Fibers.Tests;

public class Smoke
{
    [Fact]
    public void A_fiber_returns_its_value() => new FiberRuntime().Run(() => 42).ShouldBe(42);
}
