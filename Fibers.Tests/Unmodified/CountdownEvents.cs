using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class CountdownEvents
{
    [Fact]
    public void Hundreds_of_fibers_wait_until_all_of_them_have_signalled()
    {
        const int fibers = 300;
        using var all = new CountdownEvent(fibers);
        int signalled = 0;
        ManyFibers.Run(fibers, _ =>
        {
            Interlocked.Increment(ref signalled);
            all.Signal();
            all.Wait();
            Volatile.Read(ref signalled).ShouldBe(fibers);
        });
        all.IsSet.ShouldBeTrue();
    }
}
