using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

public class ExecutionContextFlow
{
    private static readonly AsyncLocal<string?> s_local = new();

    [Fact]
    public void A_spawned_fiber_starts_with_the_spawners_values() => OnARuntime(runtime =>
    {
        s_local.Value = "spawner";
        Fiber<string?> fiber = runtime.Spawn<string?>(() => s_local.Value);
        s_local.Value = "changed after the spawn";
        fiber.Join().ShouldBe("spawner");
    });

    [Fact]
    public void A_change_inside_does_not_leak_back() => OnARuntime(runtime =>
    {
        s_local.Value = "outside";
        runtime.Run(() =>
        {
            s_local.Value = "inside";
            Fiber.Sleep(TimeSpan.FromMilliseconds(1));
            s_local.Value.ShouldBe("inside");
        });
        s_local.Value.ShouldBe("outside");
    });

    [Fact]
    public void A_change_does_not_reach_the_next_fiber_on_the_same_virtual_thread() => OnARuntime(runtime =>
    {
        int first = runtime.Run(() =>
        {
            s_local.Value = "left behind";
            return Environment.CurrentManagedThreadId;
        });
        (int Thread, string? Value) next = runtime.Run(() => (Environment.CurrentManagedThreadId, s_local.Value));
        next.Thread.ShouldBe(first, "the virtual thread comes from the pool");
        next.Value.ShouldBeNull();
    });

    [Fact]
    public void A_suppressed_flow_gives_the_fiber_nothing_and_leaks_nothing() => OnARuntime(runtime =>
    {
        s_local.Value = "spawner";
        Fiber<string?> fiber;
        using (ExecutionContext.SuppressFlow())
            fiber = runtime.Spawn<string?>(() =>
            {
                string? seen = s_local.Value;
                s_local.Value = "left behind";
                return seen;
            });
        fiber.Join().ShouldBeNull();
        Fiber<string?> next;
        using (ExecutionContext.SuppressFlow())
            next = runtime.Spawn<string?>(() => s_local.Value);
        next.Join().ShouldBeNull();
    });

    [Fact]
    public void A_synchronization_context_or_a_suppressed_flow_does_not_reach_the_next_fiber_on_the_same_virtual_thread() => OnARuntime(runtime =>
    {
        int first = runtime.Run(() =>
        {
            SynchronizationContext.SetSynchronizationContext(new SynchronizationContext());
            ExecutionContext.SuppressFlow();
            return Environment.CurrentManagedThreadId;
        });
        s_local.Value = "spawner";
        runtime.Run(() =>
        {
            Environment.CurrentManagedThreadId.ShouldBe(first, "the virtual thread comes from the pool");
            SynchronizationContext.Current.ShouldBeNull();
            ExecutionContext.IsFlowSuppressed().ShouldBeFalse();
            s_local.Value.ShouldBe("spawner");
            return 0;
        });
    });

    [Fact]
    public void What_a_body_makes_of_its_thread_does_not_reach_the_next_fiber_on_it() => OnARuntime(runtime =>
    {
        int first = runtime.Run(() =>
        {
            Thread.CurrentThread.Name = "mine";
            Thread.CurrentThread.Priority = ThreadPriority.Lowest;
            Thread.CurrentThread.IsBackground = false; // it would keep the process
            return Environment.CurrentManagedThreadId;
        });
        runtime.Run(() =>
        {
            Environment.CurrentManagedThreadId.ShouldBe(first, "the virtual thread comes from the pool");
            return 0;
        });
        runtime.Spawn(() => (Environment.CurrentManagedThreadId, Thread.CurrentThread.Name, Thread.CurrentThread.Priority, Thread.CurrentThread.IsBackground)).Join()
            .ShouldBe((first, null, ThreadPriority.Normal, true));
    });

    [Fact]
    public void Values_stay_with_their_fiber_while_many_interleave() => OnARuntime(runtime =>
    {
        Fiber[] fibers = [.. Enumerable.Range(0, 200).Select(i => runtime.Spawn(() =>
        {
            s_local.Value = $"{i}";
            for (int turn = 0; turn < 10; turn++)
            {
                Fiber.Yield();
                s_local.Value.ShouldBe($"{i}");
                Fiber.Spawn(() => s_local.Value).Join().ShouldBe($"{i}");
            }
        }))];
        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    private static void OnARuntime(Action<FiberRuntime> body) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        body(runtime);
    });
}
