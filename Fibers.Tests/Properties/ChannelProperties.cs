using Fibers.Tests.Support;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Properties;

/// <summary>A channel, and a select that never waits, against a queue with a bound: every sequence of operations gives the same answers.</summary>
public class ChannelProperties
{
    private enum Kind
    {
        TrySend,
        TryReceive,
        SendInTime,
        ReceiveInTime,
        SelectSend,
        SelectReceive,
        Close,
    }

    [Fact]
    public void A_channel_behaves_as_a_bounded_queue()
    {
        Gen<(int Capacity, Kind[] Steps)> cases =
            from capacity in Gen.Choose(0, 4)
            from steps in Gen.Frequency([(8, Gen.Elements(Enum.GetValues<Kind>()[..^1])), (1, Gen.Constant(Kind.Close))]).ArrayOf()
            select (capacity, steps);
        Prop.ForAll(cases.ToArbitrary(), static run => Agree(run.Capacity, run.Steps)).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));
    }

    private static void Agree(int capacity, Kind[] steps)
    {
        var channel = new FiberChannel<int>(capacity);
        var model = new Model(capacity);
        for (int i = 0; i < steps.Length; i++)
        {
            string real = Outcome(steps[i], channel, i), expected = model.Do(steps[i], i);
            real.ShouldBe(expected, $"step {i}: {steps[i]}");
            channel.Count.ShouldBe(model.Count);
        }
    }

    private static string Outcome(Kind kind, FiberChannel<int> channel, int value)
    {
        string got = "";
        try
        {
            switch (kind)
            {
                case Kind.TrySend:
                    return channel.TrySend(value) ? "sent" : "no";
                case Kind.TryReceive:
                    return channel.TryReceive(out int tried) ? $"got {tried}" : "no";
                case Kind.SendInTime:
                    return channel.Send(value, TimeSpan.Zero) ? "sent" : "no";
                case Kind.ReceiveInTime:
                    return channel.Receive(out int item, TimeSpan.Zero) ? $"got {item}" : "no";
                case Kind.SelectSend:
                    return new FiberSelect().Send(channel, value).Default().Run() == 0 ? "sent" : "no";
                case Kind.SelectReceive:
                    return new FiberSelect().Receive(channel, selected => got = $"got {selected}").Default().Run() == 0 ? got : "no";
                default:
                    channel.Close();
                    return "";
            }
        }
        catch (FiberChannelClosedException)
        {
            return "closed";
        }
    }

    private sealed class Model(int capacity)
    {
        private readonly Queue<int> _items = new();
        private bool _closed;

        public int Count => _items.Count;

        public string Do(Kind kind, int value)
        {
            switch (kind)
            {
                case Kind.TrySend when _closed:
                    return "no";
                case Kind.TrySend or Kind.SendInTime or Kind.SelectSend:
                    if (_closed)
                        return "closed";
                    if (_items.Count == capacity)
                        return "no";
                    _items.Enqueue(value);
                    return "sent";
                case Kind.TryReceive or Kind.ReceiveInTime or Kind.SelectReceive:
                    if (_items.TryDequeue(out int item))
                        return $"got {item}";
                    return _closed && kind != Kind.TryReceive ? "closed" : "no";
                default:
                    _closed = true;
                    return "";
            }
        }
    }
}
