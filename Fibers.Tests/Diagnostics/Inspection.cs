using System.Diagnostics;
using System.Runtime.CompilerServices;
using Fibers.Diagnostics.Inspection;
using Fibers.Tests.Support;
using Fibers.VirtualThreads;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

public class Inspection
{
    [Fact]
    public void This_runtime_is_as_the_inspector_thinks() => Inspector.Reason.ShouldBeNull();

    [Theory]
    [InlineData(Place.Body)]
    [InlineData(Place.Catch)]
    [InlineData(Place.Finally)]
    [InlineData(Place.FinallyWhileUnwinding)]
    public void The_stack_of_a_parked_fiber_is_the_one_it_would_capture_itself(Place place) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var gate = new ManualResetEvent(false);
        string[] expected = [];
        Fiber fiber = runtime.SpawnConcurrent(() => Recurse(10, () => Inside(place, () =>
        {
            expected = [.. new StackTrace(fNeedFileInfo: false).GetFrames().Select(static frame => frame.GetMethod()!.Name)];
            gate.WaitOne();
        })));
        Eventually.True(() => FiberState.IsParked(fiber), "the fiber is parked");
        (StackWalker walker, MethodNames names) = Inspector.Current!.Begin();
        string[] walked = [.. walker.Walk(RuntimeThread.NativePointer(fiber.VirtualThread!.Thread!)).Select(names.Find).OfType<MethodNames.Frame>().Select(static frame => frame.Method!.Name)];
        walked.TakeLast(expected.Length).ShouldBe(expected);
        walked.Length.ShouldBeGreaterThan(expected.Length, "the frames of the wait itself are on top");
        gate.Set();
        fiber.Join();
    });

    public enum Place
    {
        Body,
        Catch,
        Finally,
        FinallyWhileUnwinding,
    }

    // Handlers are functions of their own to the compiler.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Inside(Place place, Action action)
    {
        try
        {
            Enter(place, action);
        }
        catch (InvalidDataException)
        {
            if (place == Place.Catch)
                action();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Enter(Place place, Action action)
    {
        try
        {
            if (place == Place.Body)
                action();
            if (place is Place.Catch or Place.FinallyWhileUnwinding)
                throw new InvalidDataException();
        }
        finally
        {
            if (place is Place.Finally or Place.FinallyWhileUnwinding)
                action();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Recurse(int depth, Action bottom)
    {
        if (depth == 0)
        {
            bottom();
            return 0;
        }

        return Recurse(depth - 1, bottom) + 1;
    }
}
