using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class Mutexes
{
    [Fact]
    public void Hundreds_of_fibers_share_a_mutex_that_knows_its_owner()
    {
        using var mutex = new Mutex();
        int count = 0;
        ManyFibers.Run(300, _ =>
        {
            for (int round = 0; round < 5; round++)
            {
                mutex.WaitOne().ShouldBeTrue();
                mutex.WaitOne().ShouldBeTrue(); // its owner may enter again
                int seen = count;
                Thread.Sleep(0);
                count = seen + 1;
                mutex.ReleaseMutex();
                mutex.ReleaseMutex();
            }

            Should.Throw<ApplicationException>(mutex.ReleaseMutex); // not ours now
        });
        count.ShouldBe(1500);
    }

    [Fact]
    public void A_mutex_whose_owner_ends_is_abandoned()
    {
        using var mutex = new Mutex();
        using FiberRuntime runtime = Runtimes.Native(ManyFibers.Carriers);
        var owner = new Thread(() => mutex.WaitOne());
        owner.Start();
        owner.Join();
        Should.Throw<AbandonedMutexException>(() => runtime.Run(() => mutex.WaitOne()));
    }
}
