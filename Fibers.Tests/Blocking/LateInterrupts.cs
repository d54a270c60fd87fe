using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>A cancellation that was sent to a wait of the runtime as an interrupt, when that wait had just ended by itself: it must reach the wait that comes next, whatever that is.</summary>
public partial class LateInterrupts
{
    private static readonly (string Name, Action<Socket> Wait)[] s_waits =
    [
        ("read", static socket => socket.Receive(new byte[1])),
        ("poll", static socket => socket.Poll(Timeout.InfiniteTimeSpan, SelectMode.SelectRead)),
        ("pause", static _ =>
        {
            if (USleep(60_000_000) != 0)
                throw new OperationCanceledException();
        }),
        ("sleep", static _ => Thread.Sleep(Timeout.Infinite)),
        ("park", static _ => new FiberParker().Park()),
    ];

    public static TheoryData<string> Waits => [.. s_waits.Select(static wait => wait.Name)];

    [Theory]
    [MemberData(nameof(Waits))]
    public void The_next_wait_is_cancelled(string name) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var pair = new LoopbackPair();
        Action<Socket> wait = s_waits.Single(one => one.Name == name).Wait;
        Fiber fiber = runtime.Spawn(() =>
        {
            Interrupted();
            wait(pair.Near);
        });
        Should.Throw<OperationCanceledException>(fiber.Join);
        fiber.Status.ShouldBe(FiberStatus.Canceled);
    });

    [Fact]
    public void One_that_was_met_is_not_delivered_again() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        using var pair = new LoopbackPair();
        Fiber<int> fiber = runtime.Spawn(() =>
        {
            Interrupted();
            Should.Throw<ThreadInterruptedException>(static () => Thread.Sleep(1));
            return pair.Near.Receive(new byte[1]);
        });
        Eventually.True(() => FiberState.IsWaiting(fiber), "it reads");
        pair.Far.Send([1]);
        fiber.Join().ShouldBe(1);
    });

    [Fact]
    public void Whoever_is_cancelled_between_a_wait_and_a_read_ends() => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        for (int round = 0; round < 200; round++)
        {
            using var pair = new LoopbackPair();
            object gate = new();
            bool open = false;
            Fiber fiber = runtime.Spawn(() =>
            {
                lock (gate)
                    while (!open)
                        Monitor.Wait(gate);
                pair.Near.Receive(new byte[1]);
            });
            Eventually.True(() => FiberState.IsWaiting(fiber), "it waits");
            var canceler = new Thread(spins =>
            {
                Thread.SpinWait((int)spins!);
                fiber.RequestCancel();
            });
            canceler.Start(round % 40 * 20);
            lock (gate)
            {
                open = true;
                Monitor.PulseAll(gate);
            }

            canceler.Join();
            Should.Throw<OperationCanceledException>(fiber.Join);
        }
    });

    // The state right after such a wait, made certain: cancelled, delivered by an interrupt, and nothing has met that.
    private static void Interrupted()
    {
        Fiber self = Fiber.Current!;
        self.RequestCancel();
        self.InterruptWaitFromCommit(self.VirtualThread!);
    }

    [LibraryImport("libc", EntryPoint = "usleep", SetLastError = true)]
    private static partial int USleep(uint microseconds);
}
