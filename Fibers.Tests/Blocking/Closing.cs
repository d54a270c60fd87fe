using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>A close or shutdown wakes everybody parked on the descriptor, whoever does it; the next file of that number knows nothing of the last one.</summary>
public class Closing
{
    private const int Waiters = 20;

    public enum From
    {
        Fiber,
        Thread,
        Continuation,
    }

    [Theory]
    [InlineData(From.Fiber)]
    [InlineData(From.Thread)]
    [InlineData(From.Continuation)]
    public void A_close_wakes_everybody_who_reads(From from) => Ends(from, static pair => pair.Near.Dispose());

    [Theory]
    [InlineData(From.Fiber)]
    [InlineData(From.Thread)]
    [InlineData(From.Continuation)]
    public void A_shutdown_wakes_everybody_who_reads(From from) => Ends(from, static pair => pair.Near.Shutdown(SocketShutdown.Both));

    [Fact]
    public void A_close_wakes_readers_and_writers_alike() => Bounded.Run(static () =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using var pair = new LoopbackPair();
        Fiber reader = runtime.SpawnConcurrent(() => Refused(() => pair.Near.Receive(new byte[1])));
        Fiber writer = runtime.SpawnConcurrent(() => Refused(() =>
        {
            while (true)
                pair.Near.Send(new byte[1 << 20]); // nobody reads
        }));
        Eventually.True(() => FiberState.IsParked(reader) && FiberState.IsParked(writer), "both are parked");
        pair.Near.Dispose();
        reader.Join();
        writer.Join();
    });

    // Everybody opens, talks, and closes at once, some under a reader: a wake-up or readiness left behind on a number
    // would end a later read early, or leave it asleep.
    [Fact]
    public void Numbers_that_come_and_go_on_many_carriers_keep_their_files_apart() => Bounded.Run(static () =>
    {
        const int fibers = 60, rounds = 60;
        using FiberRuntime runtime = Runtimes.Native(6);
        Fiber[] all = [.. Enumerable.Range(0, fibers).Select(i => runtime.SpawnConcurrent(() =>
        {
            for (int round = 0; round < rounds; round++)
            {
                using var pair = new LoopbackPair();
                int token = i * rounds + round;
                switch (token % 3)
                {
                    case 0: // closed under a reader
                        Fiber reader = Fiber.SpawnConcurrent(() => Refused(() => pair.Near.Receive(new byte[4])));
                        Fiber.Yield();
                        pair.Near.Dispose();
                        reader.Join();
                        break;
                    case 1: // left with unread data, and so with readiness
                        pair.Far.Send([1, 2, 3]);
                        pair.Near.Receive(new byte[1]).ShouldBe(1);
                        break;
                    default: // a reader must wait for this token and no other
                        pair.PassOn(token);
                        break;
                }
            }
        }))];
        foreach (Fiber fiber in all)
            fiber.Join();
    });

    // .NET ends a connection before it closes it; native code may not. The carrier is about to go to sleep when it happens, again and again.
    [Fact]
    public void A_bare_close_wakes_who_reads() => Bounded.Run(static () =>
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        Stress.For(0.5, () =>
        {
            int[] ends = new int[2];
            socketpair(LocalFamily, Stream, 0, ends).ShouldBe(0);
            Fiber<nint> reader = runtime.SpawnConcurrent(() => read(ends[0], new byte[1], 1));
            SpinWait.SpinUntil(() => FiberState.IsParked(reader), Bounded.Limit / 2).ShouldBeTrue();
            close(ends[0]).ShouldBe(0);
            reader.Join().ShouldBe(-1);
            close(ends[1]).ShouldBe(0);
        });
    });

    private const int LocalFamily = 1, Stream = 1;

    [DllImport("libc")]
    private static extern int socketpair(int family, int type, int protocol, int[] ends);

    [DllImport("libc")]
    private static extern nint read(int descriptor, byte[] buffer, nint size);

    [DllImport("libc")]
    private static extern int close(int descriptor);

    private static void Ends(From from, Action<LoopbackPair> end) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Native(2);
        using var pair = new LoopbackPair();
        Fiber[] readers = [.. Enumerable.Range(0, Waiters).Select(_ => runtime.SpawnConcurrent(() => Refused(() => pair.Near.Receive(new byte[1]))))];
        Eventually.True(() => readers.All(FiberState.IsParked), "every reader is parked");
        Run(runtime, from, () => end(pair));
        foreach (Fiber reader in readers)
            reader.Join();
    });

    // Nothing was received: the end of the stream, or an error that says the socket is gone.
    private static void Refused(Func<int> receive)
    {
        try
        {
            receive().ShouldBe(0);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            (exception is ObjectDisposedException or SocketException
            {
                SocketErrorCode: SocketError.Interrupted or SocketError.OperationAborted or SocketError.NotSocket
                or SocketError.InvalidArgument or SocketError.ConnectionAborted or SocketError.ConnectionReset or SocketError.Shutdown
            }).ShouldBeTrue(exception.ToString());
        }
    }

    private static void Run(FiberRuntime runtime, From from, Action action)
    {
        switch (from)
        {
            case From.Fiber:
                runtime.Run(action);
                break;
            case From.Thread:
                var thread = new Thread(() => action()) { IsBackground = true };
                thread.Start();
                thread.Join();
                break;
            default:
                Task.Run(async () =>
                {
                    await Task.Yield();
                    action();
                }).Wait();
                break;
        }
    }
}
