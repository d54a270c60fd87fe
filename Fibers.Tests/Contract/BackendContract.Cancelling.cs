using System.IO.Pipes;
using System.Net.Sockets;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Microsoft.Win32.SafeHandles;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Contract;

// Cancelling a group reaches its members wherever they wait, and leaves nothing behind.
public abstract partial class BackendContract
{
    private int Many => backend == FiberBackend.Native ? 1_000 : 100;

    [Fact]
    public void A_groups_cancel_ends_all_in_Thread_Sleep() => CancelsAllOf(static _ => Thread.Sleep(s_long));

    [Fact]
    public void A_groups_cancel_ends_all_in_Monitor_Wait() => CancelsAllOf(static _ =>
    {
        var gate = new object();
        lock (gate)
            Monitor.Wait(gate);
    });

    [Fact]
    public void A_groups_cancel_ends_all_in_a_channel()
    {
        var channel = new FiberChannel<int>();
        CancelsAllOf(_ => channel.Receive());
        channel.TrySend(1).ShouldBeFalse(); // nobody is left in its list
    }

    [Fact]
    public void A_groups_cancel_ends_all_in_a_select()
    {
        var channel = new FiberChannel<int>();
        CancelsAllOf(_ => new FiberSelect().Receive(channel).Timeout(s_long).Run());
        channel.TrySend(1).ShouldBeFalse();
    }

    [Fact]
    public void A_groups_cancel_ends_all_that_join_or_are_parked() => CancelsAllOf(static _ =>
    {
        using Fiber other = Fiber.SpawnConcurrent(new FiberParker().Park);
        other.Join();
    }, fibersEach: 2);

    [Fact]
    public void A_groups_cancel_ends_all_in_NetworkStream_Read()
    {
        if (!CancelsBlockingIo)
            return;
        CancelsAllOf(static parked =>
        {
            using var pair = new LoopbackPair();
            using var stream = new NetworkStream(pair.Near, ownsSocket: false);
            parked();
            stream.ReadByte();
        });
    }

    [Fact]
    public void A_groups_cancel_ends_all_in_a_read_from_a_pipe_file()
    {
        if (!CancelsBlockingIo)
            return;
        CancelsAllOf(static parked =>
        {
            using var writer = new AnonymousPipeServerStream(PipeDirection.Out);
            using SafePipeHandle end = writer.ClientSafePipeHandle;
            using var reader = new FileStream(new SafeFileHandle(end.DangerousGetHandle(), ownsHandle: false), FileAccess.Read, 0);
            parked();
            reader.ReadByte();
        });
    }

    private void CancelsAllOf(Action<Action> wait, int fibersEach = 1) => OnAConcurrentRuntime(runtime =>
    {
        int descriptors = KernelView.SocketsAndPipes();
        int unwound = 0, normal = 0, ready = 0;
        int count = Many / fibersEach;
        runtime.Run(() =>
        {
            using var group = new FiberGroup();
            Fiber[] members = [.. Enumerable.Range(0, count).Select(_ => group.SpawnConcurrent(() =>
            {
                try
                {
                    wait(() => Interlocked.Increment(ref ready));
                    Interlocked.Increment(ref normal);
                }
                finally
                {
                    Interlocked.Increment(ref unwound);
                }
            }))];
            WaitUntilParked(members);
            group.RequestCancel();
            group.Join();
            members.ShouldAllBe(static member => member.Status == FiberStatus.Canceled);
        });
        normal.ShouldBe(0);
        unwound.ShouldBe(count);
        ShouldBecomeEmpty(runtime);
        Eventually.True(() => KernelView.SocketsAndPipes() <= descriptors, $"there are no more than {descriptors} sockets and pipes again");
    });
}
