using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class SemaphoreSlims
{
    [Fact]
    public void Hundreds_of_fibers_share_a_few_permits()
    {
        const int permits = 5;
        using var semaphore = new SemaphoreSlim(permits);
        int inside = 0, most = 0, entries = 0;
        ManyFibers.Run(300, _ =>
        {
            for (int round = 0; round < 5; round++)
            {
                semaphore.Wait();
                int now = Interlocked.Increment(ref inside);
                lock (semaphore)
                {
                    most = Math.Max(most, now);
                    entries++;
                }

                Thread.Yield();
                Interlocked.Decrement(ref inside);
                semaphore.Release();
            }
        });
        entries.ShouldBe(1500);
        most.ShouldBeInRange(1, permits);
        semaphore.CurrentCount.ShouldBe(permits);
    }
}
