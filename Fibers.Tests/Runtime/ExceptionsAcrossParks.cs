using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Runtime;

/// <summary>A park in the middle of exception handling: the runtime keeps that state per thread, so it must stay with the fiber.</summary>
public class ExceptionsAcrossParks
{
    public enum Park
    {
        Yield,
        FiberSleep,
        ThreadSleep,
        TaskWait,
        Lock,
        Join,
    }

    private const int Fibers = 60;

    private static readonly Lock s_lock = new();

    public static TheoryData<Park, int> ParksAndCarriers()
    {
        var data = new TheoryData<Park, int>();
        foreach (Park park in Enum.GetValues<Park>())
            foreach (int carriers in (int[])[1, 4])
                data.Add(park, carriers);
        return data;
    }

    [Theory]
    [MemberData(nameof(ParksAndCarriers))]
    public void A_catch_block_may_park_and_rethrow(Park park, int carriers) => OnManyFibers(carriers, i =>
    {
        var caught = Should.Throw<InvalidDataException>(() =>
        {
            try
            {
                throw new InvalidDataException($"{i}");
            }
            catch (InvalidDataException) when (i >= 0)
            {
                Do(park);
                throw;
            }
        });
        caught.Message.ShouldBe($"{i}");
    });

    [Theory]
    [MemberData(nameof(ParksAndCarriers))]
    public void A_finally_block_may_park_while_an_exception_passes(Park park, int carriers) => OnManyFibers(carriers, i =>
    {
        var order = new List<string>();
        try
        {
            try
            {
                try
                {
                    throw new InvalidDataException($"{i}");
                }
                finally
                {
                    Do(park);
                    order.Add("inner");
                }
            }
            finally
            {
                Do(park);
                order.Add("outer");
            }
        }
        catch (InvalidDataException exception)
        {
            order.Add(exception.Message);
        }

        order.ShouldBe(["inner", "outer", $"{i}"]);
    });

    [Theory]
    [MemberData(nameof(ParksAndCarriers))]
    public void An_exception_filter_may_park(Park park, int carriers) => OnManyFibers(carriers, i =>
    {
        string? caughtBy = null;
        try
        {
            try
            {
                throw new InvalidDataException($"{i}");
            }
            catch (InvalidDataException) when (ParkThen(park, false))
            {
                caughtBy = "the refusing filter";
            }
        }
        catch (InvalidDataException exception) when (ParkThen(park, true))
        {
            caughtBy = exception.Message;
        }

        caughtBy.ShouldBe($"{i}");
    });

    [Theory]
    [MemberData(nameof(ParksAndCarriers))]
    public void An_exception_thrown_and_caught_inside_a_catch_block_leaves_the_outer_one_alone(Park park, int carriers) => OnManyFibers(carriers, i =>
    {
        try
        {
            throw new InvalidDataException($"outer {i}");
        }
        catch (InvalidDataException outer)
        {
            Do(park);
            try
            {
                throw new InvalidOperationException($"inner {i}");
            }
            catch (InvalidOperationException inner)
            {
                Do(park);
                inner.Message.ShouldBe($"inner {i}");
            }

            Do(park);
            outer.Message.ShouldBe($"outer {i}");
        }
    });

    // Collections while the fibers sit in their handlers: the runtime scans exception state it keeps beside the stack.
    private static void OnManyFibers(int carriers, Action<int> body) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(carriers);
        Fiber[] fibers = [.. Enumerable.Range(0, Fibers).Select(i => runtime.Spawn(() => body(i)))];
        for (int generation = 0; !fibers.All(static fiber => fiber.Status >= FiberStatus.Succeeded); generation++)
        {
            GC.Collect(generation % 3, GCCollectionMode.Forced, blocking: true, compacting: generation % 3 == 2);
            Thread.Sleep(1); // collections back to back leave one carrier no time to run anything
        }

        foreach (Fiber fiber in fibers)
            fiber.Join();
    });

    private static bool ParkThen(Park park, bool answer)
    {
        Do(park);
        return answer;
    }

    private static void Do(Park park)
    {
        switch (park)
        {
            case Park.Yield:
                Fiber.Yield();
                break;
            case Park.FiberSleep:
                Fiber.Sleep(TimeSpan.FromMilliseconds(1));
                break;
            case Park.ThreadSleep:
                Thread.Sleep(1);
                break;
            case Park.TaskWait:
                Task.Delay(1).Wait();
                break;
            case Park.Lock:
                lock (s_lock)
                    Fiber.Yield(); // the others must wait
                break;
            case Park.Join:
                Fiber.Spawn(Fiber.Yield).Join();
                break;
        }
    }
}
