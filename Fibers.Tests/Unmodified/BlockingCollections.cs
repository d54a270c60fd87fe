using System.Collections.Concurrent;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class BlockingCollections
{
    [Fact]
    public void Hundreds_of_fibers_produce_and_consume()
    {
        const int producers = 150, each = 20;
        using var items = new BlockingCollection<int>(boundedCapacity: 4);
        var taken = new ConcurrentBag<int>();
        int left = producers;
        ManyFibers.Run(2 * producers, i =>
        {
            if (i < producers)
            {
                foreach (int item in items.GetConsumingEnumerable())
                    taken.Add(item);
                return;
            }

            for (int k = 0; k < each; k++)
                items.Add((i - producers) * each + k);
            if (Interlocked.Decrement(ref left) == 0)
                items.CompleteAdding();
        });
        taken.Order().ShouldBe(Enumerable.Range(0, producers * each));
    }
}
