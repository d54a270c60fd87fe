using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="Lock"/>, whose owner is known by the thread's number.</summary>
public class ThreadingLocks
{
    [Fact]
    public void Hundreds_of_fibers_share_a_lock_across_parks()
    {
        var gate = new Lock();
        int count = 0;
        ManyFibers.Run(300, _ =>
        {
            for (int round = 0; round < 5; round++)
            {
                gate.IsHeldByCurrentThread.ShouldBeFalse();
                lock (gate)
                {
                    int seen = count;
                    Thread.Sleep(0); // others come, and perhaps another carrier
                    gate.IsHeldByCurrentThread.ShouldBeTrue();
                    count = seen + 1;
                }
            }
        });
        count.ShouldBe(1500);
    }
}
