using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

/// <summary>Groups that are run from ordinary threads, as a program's Main does.</summary>
public class OnAnOrdinaryThread
{
    [Fact]
    public void A_failing_member_ends_what_the_body_of_its_group_waits_in() => Bounded.Run(() =>
    {
        Fiber.Current.ShouldBeNull();
        var channel = new FiberChannel<int>();
        Action[] waits = [() => channel.Receive(), static () => Thread.Sleep(Timeout.Infinite), () => new ManualResetEvent(false).WaitOne()];
        foreach (Action wait in waits)
        {
            AggregateException thrown = Should.Throw<AggregateException>(() => FiberGroup.Run(group =>
            {
                group.Spawn(static () => throw new InvalidDataException("the member"));
                wait();
            }));
            thrown.InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<InvalidDataException>();
        }
    });

    [Fact]
    public void A_failing_item_ends_ForEach() => Bounded.Run(() =>
    {
        for (int round = 0; round < 20; round++)
            Should.Throw<AggregateException>(() => Fiber.ForEach(Enumerable.Range(0, 100), 3, static n => ArgumentOutOfRangeException.ThrowIfEqual(n, 4)))
                .InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<ArgumentOutOfRangeException>();
    });

    [Fact]
    public void The_body_has_its_value_its_exception_and_the_callers_context() => Bounded.Run(() =>
    {
        var local = new AsyncLocal<string> { Value = "caller" };
        FiberGroup.Run(_ => local.Value).ShouldBe("caller");
        Should.Throw<AggregateException>(() => FiberGroup.Run(static _ => throw new InvalidDataException("the body")))
            .InnerExceptions.ShouldHaveSingleItem().ShouldBeOfType<InvalidDataException>();
    });

    [Fact]
    public void A_caller_that_is_interrupted_leaves_nothing_behind() => Bounded.Run(() =>
    {
        Fiber? member = null;
        Exception? thrown = null;
        var caller = new Thread(() => thrown = Record.Exception(() => FiberGroup.Run(group =>
        {
            member = group.Spawn(static () => Thread.Sleep(Timeout.Infinite));
            member.Join();
        })));
        caller.Start();
        Eventually.True(() => member is not null && FiberState.IsWaiting(member) && caller.ThreadState.HasFlag(ThreadState.WaitSleepJoin), "all wait");
        caller.Interrupt();
        caller.Join();
        thrown.ShouldBeOfType<ThreadInterruptedException>();
        member!.Status.ShouldBe(FiberStatus.Canceled);
    });
}
