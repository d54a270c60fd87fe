using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

public class ManualResetEvents
{
    [Fact]
    public void Hundreds_of_fibers_wait_for_one_event_that_a_thread_sets()
    {
        const int fibers = 300;
        using var go = new ManualResetEventSlim();
        using var waiting = new CountdownEvent(fibers);
        var setter = new Thread(() =>
        {
            waiting.Wait();
            go.Set();
        })
        { IsBackground = true };
        setter.Start();
        ManyFibers.Run(fibers, _ =>
        {
            waiting.Signal();
            go.Wait();
            go.IsSet.ShouldBeTrue();
        });
        setter.Join();
    }

    [Fact]
    public void Hundreds_of_fibers_wait_for_a_kernel_style_event()
    {
        const int fibers = 300;
        using var turnstile = new AutoResetEvent(initialState: true);
        int inside = 0, passed = 0;
        ManyFibers.Run(fibers, _ =>
        {
            turnstile.WaitOne();
            Interlocked.Increment(ref inside).ShouldBe(1);
            passed++;
            Thread.Sleep(0);
            Interlocked.Decrement(ref inside);
            turnstile.Set();
        });
        passed.ShouldBe(fibers);
    }
}
