using Fibers.Tests.Support;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Properties;

/// <summary>What was sent is received once, whatever is cancelled or runs out of time meanwhile; what was not sent never is.</summary>
public class Conservation
{
    /// <param name="Capacity">Of both channels.</param>
    /// <param name="Senders">Items each sender tries to send.</param>
    /// <param name="Receivers">How each receives: 0 plainly, 1 with time-outs, 2 by select.</param>
    /// <param name="Cancel">Which of them all are cancelled, after how much spinning.</param>
    private sealed record Plan(int Capacity, int[] Senders, int[] Receivers, (int Whom, int After)[] Cancel);

    private static readonly Gen<Plan> s_plans =
        from capacity in Gen.Choose(0, 3)
        from senders in Gen.Choose(0, 60).ArrayOf(4)
        from receivers in Gen.Choose(0, 2).ArrayOf(4)
        from cancel in Gen.Choose(0, 7).Zip(Gen.Choose(0, 20_000)).ArrayOf(5)
        select new Plan(capacity, senders, receivers, [.. cancel.Select(static one => (one.Item1, one.Item2))]);

    [Theory]
    [InlineData(FiberBackend.Native, 1)]
    [InlineData(FiberBackend.Native, 4)]
    [InlineData(FiberBackend.Threads, 1)]
    public void Nothing_is_lost_or_doubled_under_random_cancellation_and_timeouts(FiberBackend backend, int carriers) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Start(new FiberRuntimeOptions { Backend = backend, Carriers = carriers });
        Prop.ForAll(s_plans.ToArbitrary(), plan => runtime.Run(() => Carry(plan))).Check(Config.QuickThrowOnFailure.WithMaxTest(backend == FiberBackend.Native ? 200 : 40));
    });

    private static void Carry(Plan plan)
    {
        FiberChannel<int>[] channels = [new(plan.Capacity), new(plan.Capacity)];
        var sent = new List<int>[plan.Senders.Length];
        var received = new List<int>[plan.Receivers.Length];
        var senders = new List<Fiber>();
        var receivers = new List<Fiber>();
        for (int s = 0; s < sent.Length; s++)
        {
            (int me, List<int> mine) = (s, sent[s] = []);
            senders.Add(Fiber.SpawnConcurrent(() => SendAll(channels, me, plan.Senders[me], mine)));
        }

        for (int r = 0; r < received.Length; r++)
        {
            (int how, List<int> mine) = (plan.Receivers[r], received[r] = []);
            receivers.Add(Fiber.SpawnConcurrent(() => ReceiveAll(channels, how, mine)));
        }

        Fiber[] all = [.. senders, .. receivers];
        foreach ((int whom, int after) in plan.Cancel)
        {
            Thread.SpinWait(after);
            all[whom].RequestCancel();
        }

        // The receivers may all be gone: the rest is ours.
        var rest = new List<int>();
        foreach (Fiber sender in senders)
            while (new FiberSelect().Join(sender).Receive(channels[0], rest.Add).Receive(channels[1], rest.Add).Run() != 0)
            {
            }

        foreach (FiberChannel<int> channel in channels)
            channel.Close();
        foreach (Fiber fiber in all)
            fiber.Dispose();
        foreach (Fiber fiber in all)
            fiber.Status.ShouldNotBe(FiberStatus.Failed);
        foreach (FiberChannel<int> channel in channels)
            rest.AddRange(channel);
        rest.Concat(received.SelectMany(static items => items)).Order().ShouldBe(sent.SelectMany(static items => items).Order());
    }

    // No lock and no wait between the send and its record: an interrupt must not come between them.
    private static void SendAll(FiberChannel<int>[] channels, int me, int count, List<int> sent)
    {
        for (int i = 0; i < count; i++)
        {
            int item = me * 1_000 + i;
            bool done = (i % 3) switch
            {
                0 => Send(channels[i % 2], item),
                1 => channels[i % 2].Send(item, TimeSpan.FromMicroseconds(i)),
                _ => new FiberSelect().Send(channels[0], item).Send(channels[1], item).Timeout(TimeSpan.FromMicroseconds(50)).Run() < 2,
            };
            if (done)
                sent.Add(item);
        }
    }

    private static bool Send(FiberChannel<int> channel, int item)
    {
        channel.Send(item);
        return true;
    }

    private static void ReceiveAll(FiberChannel<int>[] channels, int how, List<int> received)
    {
        try
        {
            while (true)
            {
                if (how == 0)
                    received.Add(channels[received.Count % 2].Receive());
                else if (how == 2)
                    new FiberSelect().Receive(channels[0], received.Add).Receive(channels[1], received.Add).Run();
                else if (channels[0].Receive(out int item, TimeSpan.FromMicroseconds(20)) || channels[1].Receive(out item, TimeSpan.FromMicroseconds(20)))
                    received.Add(item);
            }
        }
        catch (FiberChannelClosedException)
        {
            // how it ends
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64)]
    public void A_million_operations_across_carriers_keep_every_item(int capacity) => Bounded.Run(() =>
    {
        const int parties = 4, items = 1_000_000 / 2 / parties; // a send and a receive each
        using FiberRuntime runtime = Runtimes.Native(carriers: 4);
        Stress.For(0.3, () => runtime.Run(() =>
        {
            var channel = new FiberChannel<long>(capacity);
            using var group = new FiberGroup();
            Fiber[] senders = [.. Enumerable.Range(0, parties).Select(me => group.SpawnConcurrent(() =>
            {
                for (int i = 0; i < items; i++)
                    channel.Send((long)me * items + i);
            }))];
            Fiber<bool[]>[] receivers = [.. Enumerable.Range(0, parties).Select(_ => group.SpawnConcurrent(() => Mark(channel, parties * items)))];
            foreach (Fiber sender in senders)
                sender.Join();
            channel.Close();
            bool[][] marks = [.. receivers.Select(static receiver => receiver.Join())];
            for (int item = 0; item < parties * items; item++)
                marks.Count(mine => mine[item]).ShouldBe(1, $"item {item}");
        }));
    });

    // Also: what one sender sends, one receiver gets in order.
    private static bool[] Mark(FiberChannel<long> channel, int count)
    {
        bool[] seen = new bool[count];
        long[] last = [-1, -1, -1, -1];
        foreach (long item in channel)
        {
            long sender = item / (count / last.Length);
            if (seen[item] || item <= last[sender])
                throw new InvalidDataException($"Item {item} came after {last[sender]}.");
            seen[item] = true;
            last[sender] = item;
        }

        return seen;
    }
}
