using Fibers.Parking;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Parking;

public class ChannelCellTests
{
    [Fact]
    public void A_party_waits_in_the_same_cell_again() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() =>
        {
            ReceiveOne();
            object? kept = Parker.Current.Kept;
            kept.ShouldBeOfType<ChannelCore<int>.ItemWaiter>();
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
        WaitCell? cell = null;
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
                while (Parker.Current.Kept is null)
                    ReceiveOne(); // the sender, on another carrier, may have come first; then nobody has waited
                Volatile.Write(ref cell, ((Waiter)Parker.Current.Kept!).Cell);
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
                ((Waiter)Parker.Current.Kept!).Cell.ShouldBeSameAs(cell);
            });
        }
        finally
        {
            Volatile.Write(ref stop, true);
            late.Join();
        }
    });

    // Each time the thread is interrupted, what it was just sent must be received, or never have been sent.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_interrupted_thread_loses_no_item(bool bySelect) => Bounded.Run(() =>
    {
        const int Items = 20_000;
        var channel = new FiberChannel<int>();
        var received = new List<int>();
        int interrupted = 0, rounds = 0;
        bool stop = false;
        var receiver = new Thread(() =>
        {
            while (received.Count < Items)
            {
                try
                {
                    if (bySelect)
                        new FiberSelect().Receive(channel, received.Add).Run();
                    else
                        received.Add(channel.Receive());
                }
                catch (ThreadInterruptedException)
                {
                    interrupted++;
                }

                Volatile.Write(ref rounds, rounds + 1);
            }
        });
        var interrupter = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                int before = Volatile.Read(ref rounds);
                receiver.Interrupt();
                while (Volatile.Read(ref rounds) == before && !Volatile.Read(ref stop))
                    Thread.SpinWait(10); // one at a time: the runtime serves interrupts before anything else, and an endless stream of them for ever
            }
        });
        receiver.Start();
        interrupter.Start();
        try
        {
            for (int i = 0; i < Items; i++)
                channel.Send(i);
        }
        finally
        {
            Volatile.Write(ref stop, true);
            interrupter.Join();
        }

        receiver.Join();
        received.ShouldBe(Enumerable.Range(0, Items));
        interrupted.ShouldBeGreaterThan(0);
    });

    private static void ReceiveOne()
    {
        var channel = new FiberChannel<int>();
        Fiber sender = Fiber.Spawn(() => channel.Send(7));
        channel.Receive().ShouldBe(7);
        sender.Join();
    }
}
