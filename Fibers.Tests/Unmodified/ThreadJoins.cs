using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class ThreadJoins
{
    [Fact]
    public void Hundreds_of_fibers_join_one_thread()
    {
        const int fibers = 300;
        using var waiting = new CountdownEvent(fibers);
        bool ended = false;
        var thread = new Thread(() =>
        {
            waiting.Wait();
            Volatile.Write(ref ended, true);
        })
        { IsBackground = true };
        thread.Start();
        ManyFibers.Run(fibers, _ =>
        {
            thread.Join(0).ShouldBeFalse();
            waiting.Signal();
            thread.Join();
            Volatile.Read(ref ended).ShouldBeTrue();
        });
    }
}
