using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Options;

public class RuntimeOptions
{
    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 * 1024)]
    [InlineData(128 * 1024 - 1)]
    [InlineData(128 * 1024 + 1)]
    [InlineData(1024 * 1024 + 4096)]
    [InlineData(1024 * 1024 * 1024 + 64 * 1024)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void A_bad_stack_size_is_refused(int size) => Refused(new FiberRuntimeOptions { StackSize = size }, nameof(FiberRuntimeOptions.StackSize));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(1025)]
    [InlineData(int.MaxValue)]
    public void A_bad_number_of_carriers_is_refused(int carriers) => Refused(new FiberRuntimeOptions { Carriers = carriers }, nameof(FiberRuntimeOptions.Carriers));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_bad_limit_of_fibers_is_refused(int limit) => Refused(new FiberRuntimeOptions { MaxFibers = limit }, nameof(FiberRuntimeOptions.MaxFibers));

    [Fact]
    public void A_negative_pool_is_refused() => Refused(new FiberRuntimeOptions { MaxPooledThreads = -1 }, nameof(FiberRuntimeOptions.MaxPooledThreads));

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public void An_unknown_backend_is_refused(int backend) => Refused(new FiberRuntimeOptions { Backend = (FiberBackend)backend }, nameof(FiberRuntimeOptions.Backend));

    [Fact]
    public void No_options_are_refused() => Should.Throw<ArgumentNullException>(() => new FiberRuntime(null!)).ParamName.ShouldBe("options");

    [Theory]
    [InlineData(128 * 1024)]
    [InlineData(192 * 1024)]
    [InlineData(16 * 1024 * 1024)]
    public void A_good_stack_size_works(int size) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Start(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1, StackSize = size });
        runtime.Run(() => 42).ShouldBe(42);
    });

    [Fact]
    public void A_larger_stack_holds_a_deeper_recursion() => Bounded.Run(() =>
    {
        const int frames = 40_000; // some megabytes: more than the default stack
        using FiberRuntime runtime = Runtimes.Start(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1, StackSize = 64 * 1024 * 1024 });
        runtime.Run(() => Descend(frames)).ShouldBe(frames);
    });

    private static unsafe int Descend(int depth)
    {
        byte* room = stackalloc byte[128];
        room[depth % 128] = 1;
        return depth == 0 ? 0 : Descend(depth - 1) + room[depth % 128];
    }

    private static void Refused(FiberRuntimeOptions options, string parameter) =>
        Should.Throw<ArgumentOutOfRangeException>(() => new FiberRuntime(options)).ParamName.ShouldBe(parameter);
}
