using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

/// <summary>What every backend does alike; one file per family of rules. Inherited once per backend, with what that one can do as flags.</summary>
public abstract partial class BackendContract(FiberBackend backend, int carriers)
{
    /// <summary>SpawnConcurrent can be had.</summary>
    protected virtual bool HasConcurrency => true;

    /// <summary>Cancellation and deadlines reach blocking calls on sockets and pipes.</summary>
    protected virtual bool CancelsBlockingIo => false;

    [Fact]
    public void It_says_what_it_is() => OnARuntime(runtime =>
    {
        runtime.Backend.ShouldBe(backend);
        runtime.FallbackReason.ShouldBeNull();
    });

    [Fact]
    public void Spawn_runs_the_body_and_Join_gives_its_value() => OnARuntime(runtime =>
    {
        Fiber<int>[] fibers = [.. Enumerable.Range(0, 100).Select(i => runtime.Spawn(() => i * i))];
        for (int i = 0; i < fibers.Length; i++)
        {
            fibers[i].Join().ShouldBe(i * i);
            fibers[i].Join().ShouldBe(i * i);
            fibers[i].Status.ShouldBe(FiberStatus.Succeeded);
            fibers[i].RanInline.ShouldBe(!HasConcurrency);
        }

        Eventually.True(() => runtime.Statistics.Ended == fibers.Length, "all have ended");
        runtime.Statistics.Spawned.ShouldBe(fibers.Length);
        runtime.Statistics.InlineForBackend.ShouldBe(HasConcurrency ? 0 : fibers.Length);
    });

    [Fact]
    public void An_exception_waits_for_Join() => OnARuntime(runtime =>
    {
        Fiber fiber = runtime.Spawn(Throw);
        for (int i = 0; i < 2; i++)
            Should.Throw<InvalidDataException>(fiber.Join).StackTrace.ShouldNotBeNull().ShouldContain(nameof(Throw));
        fiber.Status.ShouldBe(FiberStatus.Failed);
        fiber.Exception.ShouldBeOfType<InvalidDataException>();
    });

    [Fact]
    public void Run_returns_the_value_and_rethrows() => OnARuntime(runtime =>
    {
        runtime.Run(() => "value").ShouldBe("value");
        Should.Throw<InvalidDataException>(() => runtime.Run(Throw));
    });

    [Fact]
    public void A_fiber_spawns_on_its_own_runtime() => OnARuntime(runtime =>
    {
        long before = runtime.Statistics.Spawned;
        runtime.Run(() => Fiber.Spawn(() => Fiber.Spawn(() => 7).Join()).Join()).ShouldBe(7);
        (runtime.Statistics.Spawned - before).ShouldBe(3);
    });

    [Fact]
    public void The_current_fiber_is_the_one_whose_body_runs() => OnARuntime(runtime =>
    {
        Fiber? seen = null;
        Fiber fiber = runtime.Spawn(() => { seen = Fiber.Current; }, new FiberOptions { Name = "named" });
        fiber.Join();
        seen.ShouldBeSameAs(fiber);
        fiber.Name.ShouldBe("named");
        Fiber.Current.ShouldBeNull();
    });

    [Fact]
    public void Sleep_and_Yield_return() => OnARuntime(runtime => runtime.Run(() =>
    {
        var asked = TimeSpan.FromMilliseconds(20);
        Time(() => Fiber.Sleep(asked)).ShouldBeGreaterThanOrEqualTo(asked);
        Fiber.Yield();
        Fiber.Sleep(TimeSpan.Zero);
    }));

    [Fact]
    public void A_fiber_is_awaitable_from_async_code() => OnARuntime(runtime =>
    {
        static async Task<int> Sum(FiberRuntime runtime)
        {
            Fiber<int> first = runtime.Spawn(() => 20), second = runtime.Spawn(() => 22);
            await first;
            await second;
            return first.Join() + second.Join();
        }

        Sum(runtime).GetAwaiter().GetResult().ShouldBe(42);
        Should.Throw<InvalidDataException>(() => runtime.Spawn(Throw).AsTask().GetAwaiter().GetResult());
    });

    private static void Throw() => throw new InvalidDataException("thrown by the body");

    /// <summary>For code that asks for no more than asynchrony: right on every backend.</summary>
    protected void OnARuntime(Action<FiberRuntime> body) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Make();
        body(runtime);
    });

    /// <summary>As <see cref="OnARuntime"/>, on a fiber.</summary>
    protected void OnAFiber(Action body) => OnARuntime(runtime => runtime.Run(body));

    /// <summary>For code that asks for concurrency. Where there is none the same code must end with the error that says so.</summary>
    protected void OnAConcurrentRuntime(Action<FiberRuntime> body) => OnARuntime(runtime =>
    {
        if (HasConcurrency)
            body(runtime);
        else
            AsksInVain(() => body(runtime));
    });

    /// <summary>As <see cref="OnAConcurrentRuntime"/>, on a fiber.</summary>
    protected void OnAConcurrentFiber(Action body) => OnAConcurrentRuntime(runtime => runtime.Run(body));

    protected FiberRuntime Make(int? maxFibers = null, bool selfContained = false) =>
        Runtimes.Start(new FiberRuntimeOptions { Backend = backend, Carriers = carriers, MaxFibers = maxFibers, SelfContained = selfContained });

    // A group wraps what its body threw.
    private static void AsksInVain(Action body)
    {
        Exception thrown = Should.Throw<Exception>(body);
        thrown.GetBaseException().ShouldBeOfType<ConcurrencyUnavailableException>().Message.ShouldContain("Concurrency is unavailable: ");
    }

    /// <summary>All have begun and none can go on by itself.</summary>
    private static void WaitUntilParked(IEnumerable<Fiber> fibers)
    {
        foreach (Fiber fiber in fibers)
            Eventually.True(() => FiberState.IsWaiting(fiber), $"{fiber} waits");
    }
}
