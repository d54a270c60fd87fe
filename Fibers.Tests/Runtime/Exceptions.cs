using System.Runtime.CompilerServices;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

public class Exceptions
{
    private sealed class Node
    {
        public int Value { get; init; }
    }

    [Fact]
    public void A_null_reference_is_caught_on_a_fiber() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Fiber<string>[] fibers = [.. Enumerable.Range(0, 200).Select(i => runtime.Spawn(() =>
        {
            Fiber.Yield();
            try
            {
                return Value(i % 2 == 0 ? null! : new Node()).ToString();
            }
            catch (NullReferenceException)
            {
                return "null";
            }
        }))];
        for (int i = 0; i < fibers.Length; i++)
            fibers[i].Join().ShouldBe(i % 2 == 0 ? "null" : "0");
    });

    [Fact]
    public void A_division_by_zero_is_caught_on_a_fiber() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        int zero = runtime.Statistics.Live;
        runtime.Run(() =>
        {
            Should.Throw<DivideByZeroException>(() => 1 / zero);
            Fiber.Yield();
            Should.Throw<DivideByZeroException>(() => 1 / zero);
        });
    });

    [Fact]
    public void An_exception_reaches_Join_with_its_own_stack_trace() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Fiber fiber = runtime.Spawn(() => ThrowFarDown(3));
        var first = Should.Throw<InvalidDataException>(fiber.Join);
        first.StackTrace.ShouldNotBeNull().ShouldContain(nameof(ThrowFarDown));
        fiber.Status.ShouldBe(FiberStatus.Failed);
        fiber.Exception.ShouldBeSameAs(first);
    });

    [Fact]
    public void Join_throws_the_same_exception_every_time_and_from_everywhere() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Fiber<int> fiber = runtime.Spawn<int>(() => throw new InvalidDataException("once"));
        var first = Should.Throw<InvalidDataException>(() => fiber.Join());
        Should.Throw<InvalidDataException>(() => fiber.Join()).ShouldBeSameAs(first);
        Should.Throw<InvalidDataException>(() => fiber.Join(TimeSpan.Zero)).ShouldBeSameAs(first);
        Should.Throw<InvalidDataException>(() => runtime.Run(() => fiber.Join())).ShouldBeSameAs(first);
        Should.Throw<InvalidDataException>(() => fiber.AsTask().GetAwaiter().GetResult()).ShouldBeSameAs(first);
    });

    [Fact]
    public void Join_returns_the_same_value_every_time_and_to_everybody() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Fiber<object> fiber = runtime.Spawn(() =>
        {
            Fiber.Sleep(TimeSpan.FromMilliseconds(5));
            return new object();
        });
        Fiber<object>[] joiners = [.. Enumerable.Range(0, 50).Select(_ => runtime.Spawn(fiber.Join))];
        object value = fiber.Join();
        fiber.Join().ShouldBeSameAs(value);
        foreach (Fiber<object> joiner in joiners)
            joiner.Join().ShouldBeSameAs(value);
        fiber.Status.ShouldBe(FiberStatus.Succeeded);
        fiber.Exception.ShouldBeNull();
    });

    [Fact]
    public void A_stack_trace_survives_being_joined_by_a_chain_of_fibers() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        Fiber innermost = runtime.Spawn(() => ThrowFarDown(2));
        Fiber middle = runtime.Spawn(() => innermost.Join());
        Fiber outer = runtime.Spawn(() => middle.Join());
        Should.Throw<InvalidDataException>(outer.Join).StackTrace.ShouldNotBeNull().ShouldContain(nameof(ThrowFarDown));
    });

    [Fact]
    public void An_exception_that_nobody_joined_raises_the_event_once_the_handle_is_collected() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        var seen = new System.Collections.Concurrent.ConcurrentQueue<UnobservedFiberExceptionEventArgs>();
        runtime.UnobservedException += (_, arguments) => seen.Enqueue(arguments);
        SpawnAndForget(runtime);
        Eventually.True(() => runtime.Statistics.Ended == 2, "both fibers ended");
        Eventually.True(() =>
        {
            runtime.Run(() => { }); // the carrier's frames must not keep the last fiber alive
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !seen.IsEmpty;
        }, "the event was raised");
        UnobservedFiberExceptionEventArgs only = seen.ShouldHaveSingleItem();
        only.Exception.Message.ShouldBe("forgotten");
        only.Fiber.ShouldContain("lost");
        runtime.Statistics.Unobserved.ShouldBe(1);
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SpawnAndForget(FiberRuntime runtime)
    {
        runtime.Spawn(() => throw new InvalidDataException("forgotten"), new FiberOptions { Name = "lost" });
        Fiber joined = runtime.Spawn(() => throw new InvalidDataException("joined"));
        Should.Throw<InvalidDataException>(joined.Join);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Value(Node node) => node.Value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ThrowFarDown(int depth)
    {
        if (depth > 0)
            return ThrowFarDown(depth - 1) + 1;
        Fiber.Sleep(TimeSpan.FromMilliseconds(1));
        throw new InvalidDataException("from far down");
    }
}
