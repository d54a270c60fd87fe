using System.Net.Sockets;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Deadlocks inside Run, of runtimes that promise to be self-contained: this process does other things too.
public abstract partial class BackendContract
{
    [Fact]
    public void Example_8_and_9_a_rendezvous_asked_for_as_asynchrony_is_right_or_found_as_a_deadlock() => OnASelfContainedRuntime(runtime =>
    {
        string Main()
        {
            var queue = new FiberChannel<string>(name: "queue");
            using Fiber producer = Fiber.Spawn(() => queue.Send("never gonna give you up"), new FiberOptions { Name = "producer" });
            using Fiber<string> consumer = Fiber.Spawn(queue.Receive, new FiberOptions { Name = "consumer" });
            return consumer.Join();
        }

        if (HasConcurrency)
        {
            runtime.Run(Main).ShouldBe("never gonna give you up");
            return;
        }

        FiberDeadlockException deadlock = Should.Throw<FiberDeadlockException>(() => runtime.Run(Main));
        deadlock.Message.ShouldContain("\"consumer\""); // the producer ended the same way, and nobody joined it
        deadlock.Message.ShouldContain("FiberChannel \"queue\"");
    });

    [Fact]
    public void A_deadlock_names_who_waits_for_what() => OnASelfContainedRuntime(runtime =>
    {
        var channel = new FiberChannel<int>(name: "never sent");
        FiberDeadlockException deadlock = Should.Throw<FiberDeadlockException>(() => runtime.Run(() =>
        {
            Fiber receiver = Fiber.Spawn(() => channel.Receive(), new FiberOptions { Name = "receiver" });
            Fiber joiner = Fiber.Spawn(receiver.Join, new FiberOptions { Name = "joiner" });
            joiner.Join();
        }));
        deadlock.Message.ShouldContain("\"receiver\"");
        deadlock.Message.ShouldContain("FiberChannel \"never sent\"");
        if (HasConcurrency)
        {
            deadlock.Waits.Count.ShouldBe(4); // main, receiver, joiner, and the thread in Run
            deadlock.Message.ShouldContain("for the end of Fiber");
        }

        runtime.Run(() => 42).ShouldBe(42); // Run can be used again
    });

    [Fact]
    public void Every_kind_of_park_inside_can_be_part_of_a_deadlock() => OnASelfContainedRuntime(runtime =>
    {
        Action[] waits = [() => new FiberChannel<int>().Receive(), () => new FiberParker().Park(), () => new FiberSelect().Receive(new FiberChannel<int>()).Run()];
        foreach (Action wait in waits)
            Should.Throw<FiberDeadlockException>(() => runtime.Run(wait)).Waits.ShouldNotBeEmpty();
    });

    [Fact]
    public void Time_descriptors_and_deadlines_are_no_deadlock() => OnASelfContainedRuntime(runtime =>
    {
        runtime.Run(() =>
        {
            new FiberChannel<int>().Receive(out int _, s_work).ShouldBeFalse();
            Should.Throw<TimeoutException>(() =>
            {
                using (Fiber.Timeout(s_work))
                    new FiberChannel<int>().Receive();
            });
        });
        if (!HasConcurrency)
            return;
        using var pair = new LoopbackPair();
        runtime.Run(() =>
        {
            var channel = new FiberChannel<int>();
            using Fiber sleeper = Fiber.SpawnConcurrent(() =>
            {
                Thread.Sleep(s_work);
                channel.Send(1);
            });
            channel.Receive().ShouldBe(1);
            using Fiber reader = Fiber.SpawnConcurrent(() =>
            {
                using var stream = new NetworkStream(pair.Near, ownsSocket: false);
                channel.Send(stream.ReadByte());
            });
            using var writer = new Timer(_ => pair.Far.Send([7]), null, s_work, Timeout.InfiniteTimeSpan);
            channel.Receive().ShouldBe(7);
        });
    });

    private void OnASelfContainedRuntime(Action<FiberRuntime> body) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Make(selfContained: true);
        body(runtime);
    });
}
