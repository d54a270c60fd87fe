using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Options;

/// <summary>Misuse throws at the call, with the usual exceptions of .NET, on every backend.</summary>
public class Arguments
{
    [Theory]
    [InlineData(FiberBackend.Native)]
    [InlineData(FiberBackend.Threads)]
    [InlineData(FiberBackend.Inline)]
    public void No_body_is_refused(FiberBackend backend) => On(backend, runtime =>
    {
        foreach (Action call in (Action[])
        [
            () => runtime.Spawn(null!),
            () => runtime.Spawn<int>(null!),
            () => runtime.SpawnConcurrent(null!),
            () => runtime.SpawnConcurrent<int>(null!),
        ])
            Should.Throw<ArgumentNullException>(call).ParamName.ShouldBe("body");
        runtime.Statistics.Spawned.ShouldBe(0);
    });

    [Theory]
    [InlineData(FiberBackend.Native)]
    [InlineData(FiberBackend.Threads)]
    [InlineData(FiberBackend.Inline)]
    public void Use_after_Dispose_is_refused(FiberBackend backend) => Bounded.Run(() =>
    {
        FiberRuntime runtime = Make(backend);
        runtime.Spawn(() => { }).Join();
        runtime.Dispose();
        foreach (Action call in (Action[])
        [
            () => runtime.Spawn(() => { }),
            () => runtime.Spawn(() => 1),
            () => runtime.SpawnConcurrent(() => { }),
            () => runtime.SpawnConcurrent(() => 1),
            () => runtime.Run(() => { }),
            () => runtime.Run(() => 1),
        ])
            Should.Throw<ObjectDisposedException>(call);
        runtime.Dispose(); // idempotent
    });

    [Theory]
    [InlineData(FiberBackend.Native)]
    [InlineData(FiberBackend.Threads)]
    [InlineData(FiberBackend.Inline)]
    public void A_negative_time_is_refused(FiberBackend backend) => On(backend, runtime =>
    {
        Fiber fiber = runtime.Spawn(() => { });
        Should.Throw<ArgumentOutOfRangeException>(() => fiber.Join(TimeSpan.FromMilliseconds(-2))).ParamName.ShouldBe("timeout");
        fiber.Join(Timeout.InfiniteTimeSpan).ShouldBeTrue();
        Should.Throw<ArgumentOutOfRangeException>(() => runtime.Run(() => Fiber.Sleep(TimeSpan.FromSeconds(-1)))).ParamName.ShouldBe("duration");
    });

    [Theory]
    [InlineData(FiberBackend.Native)]
    [InlineData(FiberBackend.Threads)]
    [InlineData(FiberBackend.Inline)]
    public void A_fiber_cannot_join_itself(FiberBackend backend) => On(backend, runtime =>
    {
        runtime.Run(() =>
        {
            Should.Throw<InvalidOperationException>(() => Fiber.Current!.Join());
            Should.Throw<InvalidOperationException>(() => Fiber.Current!.Join(TimeSpan.FromSeconds(1)));
        });
    });

    [Theory]
    [InlineData(FiberBackend.Native)]
    [InlineData(FiberBackend.Threads)]
    [InlineData(FiberBackend.Inline)]
    public void A_runtime_cannot_be_disposed_from_its_own_fiber(FiberBackend backend) => On(backend, runtime =>
    {
        runtime.Run(() => Should.Throw<InvalidOperationException>(runtime.Dispose));
        runtime.Run(() => 1).ShouldBe(1, "it still works");
    });

    [Fact]
    public void Dispose_gives_back_threads_descriptors_and_mappings() => Bounded.Run(() =>
    {
        static void Once()
        {
            using FiberRuntime runtime = Runtimes.Native(3);
            Fiber[] fibers = [.. Enumerable.Range(0, 20).Select(_ => runtime.Spawn(() => Thread.Sleep(1)))];
            foreach (Fiber fiber in fibers)
                fiber.Join();
        }

        Once();
        int threads = KernelView.Threads(), descriptors = KernelView.Descriptors(), mappings = KernelView.Mappings();
        for (int i = 0; i < 20; i++)
            Once();
        Eventually.True(() => KernelView.Threads() <= threads + 4, "the kernel threads are gone");
        KernelView.Descriptors().ShouldBeLessThanOrEqualTo(descriptors);
        KernelView.Mappings().ShouldBeLessThanOrEqualTo(mappings + 40);
    });

    private static void On(FiberBackend backend, Action<FiberRuntime> body) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Make(backend);
        body(runtime);
    });

    private static FiberRuntime Make(FiberBackend backend) => Runtimes.Start(new FiberRuntimeOptions { Backend = backend, Carriers = 1 });
}
