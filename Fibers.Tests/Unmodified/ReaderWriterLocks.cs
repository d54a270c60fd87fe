using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class ReaderWriterLocks
{
    [Fact]
    public void Hundreds_of_fibers_read_together_and_write_alone()
    {
        using var readerWriter = new ReaderWriterLockSlim();
        int left = 0, right = 0;
        ManyFibers.Run(300, i =>
        {
            for (int round = 0; round < 5; round++)
            {
                if ((i + round) % 5 == 0)
                {
                    readerWriter.EnterWriteLock();
                    left++;
                    Thread.Yield();
                    right++;
                    readerWriter.IsWriteLockHeld.ShouldBeTrue();
                    readerWriter.ExitWriteLock();
                }
                else
                {
                    readerWriter.EnterReadLock();
                    int seen = left;
                    Thread.Yield();
                    right.ShouldBe(seen);
                    readerWriter.ExitReadLock();
                }
            }
        });
        left.ShouldBe(300);
        right.ShouldBe(300);
    }
}
