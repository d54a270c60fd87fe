using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

public class SpawnAndJoin
{
    [Fact]
    public void A_fiber_returns_its_value() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() => 42).ShouldBe(42);
        runtime.Backend.ShouldBe(FiberBackend.Native);
    });
}
