using Fibers.Parking;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Parking;

public class ParkCellTests
{
    [Fact]
    public void A_party_waits_in_the_same_cell_again() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() =>
        {
            ReceiveOne();
            object? kept = Parker.Current.Kept;
            kept.ShouldBeOfType<ParkCell>();
            ReceiveOne();
            Parker.Current.Kept.ShouldBeSameAs(kept);
        });
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_winner_that_is_late_to_wake_wakes_the_next_wait_for_nothing_and_no_more(int carriers) => Bounded.Run(() =>
    {
        const int Items = 20_000;
        using FiberRuntime runtime = Runtimes.Native(carriers);
        ParkCell? cell = null;
        bool stop = false;
        var late = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                Volatile.Read(ref cell)?.Wake();
        });
        late.Start();
        try
        {
            runtime.Run(() =>
            {
                ReceiveOne();
                Volatile.Write(ref cell, (ParkCell)Parker.Current.Kept!);
                var channel = new FiberChannel<int>();
                Fiber.Spawn(() =>
                {
                    for (int i = 0; i < Items; i++)
                    {
                        if (i % 3 == 0)
                            Fiber.Yield();
                        channel.Send(i);
                    }

                    channel.Close();
                });
                channel.ShouldBe(Enumerable.Range(0, Items));
                Parker.Current.Kept.ShouldBeSameAs(cell);
            });
        }
        finally
        {
            Volatile.Write(ref stop, true);
            late.Join();
        }
    });

    private static void ReceiveOne()
    {
        var channel = new FiberChannel<int>();
        Fiber sender = Fiber.Spawn(() => channel.Send(7));
        channel.Receive().ShouldBe(7);
        sender.Join();
    }
}
