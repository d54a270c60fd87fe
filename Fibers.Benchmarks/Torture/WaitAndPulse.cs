namespace Fibers.Benchmarks.Torture;

/// <summary>A bounded buffer between two fibers, on Monitor.Wait and Pulse without time-outs: a lost wake-up is a stall.</summary>
internal sealed class WaitAndPulse(World world)
{
    private const int Capacity = 3;
    private const int Last = -1;
    private readonly object _gate = new();
    private readonly Queue<int> _items = new();

    public void Produce(Diary diary)
    {
        for (int next = 0; ; next++)
        {
            int item = world.Stopping ? Last : next;
            lock (_gate)
            {
                diary.Now(Step.MonitorWait);
                while (_items.Count == Capacity)
                    Monitor.Wait(_gate);
                _items.Enqueue(item);
                diary.Now(Step.MonitorPulse);
                Monitor.Pulse(_gate);
            }

            diary.Advance();
            if (item == Last)
                return;
        }
    }

    public void Consume(Diary diary)
    {
        for (int expected = 0; ; expected++)
        {
            int item;
            lock (_gate)
            {
                diary.Now(Step.MonitorWait);
                while (_items.Count == 0)
                    Monitor.Wait(_gate);
                item = _items.Dequeue();
                diary.Now(Step.MonitorPulse);
                Monitor.Pulse(_gate);
            }

            diary.Advance();
            if (item == Last)
                return;
            Verify.That(item == expected, $"item {item} came when {expected} was due");
        }
    }
}
