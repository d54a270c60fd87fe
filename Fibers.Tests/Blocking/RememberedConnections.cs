using System.Net.Sockets;
using Fibers.Native;
using Fibers.Parking;
using Fibers.Polling;
using Fibers.Tests.Support;
using Fibers.Tests.Unmodified;
using Fibers.VirtualThreads;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>
/// A read that took less than it asked for has emptied the connection, so the next one waits without asking the kernel. Nothing that comes may be missed by it, and nothing
/// that a program changes meanwhile.
/// </summary>
public sealed class RememberedConnections : IDisposable
{
    private const int Rounds = 50;

    private readonly FiberRuntime _runtime = Runtimes.Native(1);

    public void Dispose() => _runtime.Dispose();

    [Fact]
    public void The_end_of_the_stream_is_seen_though_it_came_with_the_last_of_the_data() => InOnePiece(
        static reader =>
        {
            reader.Far.Send(new byte[5]);
            reader.Far.Shutdown(SocketShutdown.Send);
        },
        static (reader, before) => reader.End().ShouldBe(before + 5));

    [Fact]
    public void So_is_a_reset() => InOnePiece(
        static reader =>
        {
            reader.Far.LingerState = new LingerOption(true, 0);
            reader.Far.Send(new byte[5]);
            reader.Far.Dispose();
        },
        static (reader, _) => Should.Throw<SocketException>(reader.Fiber.Join).SocketErrorCode.ShouldBe(SocketError.ConnectionReset));

    // A read stops where urgent data is; what follows came with the same edge.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void So_is_what_follows_urgent_data(bool isTakenBefore) => InOnePiece(
        reader =>
        {
            reader.Far.Send(new byte[2]);
            reader.Far.Send(new byte[1], SocketFlags.OutOfBand);
            reader.Far.Send(new byte[4]);
            if (isTakenBefore)
                TakeUrgent(reader.Near); // by a thread; no poller hears of it any more
        },
        static (reader, before) =>
        {
            reader.Await(before + 2 + 4);
            reader.End();
        });

    [Fact]
    public void Urgent_data_ends_a_wait_for_it() => Bounded.Run(() =>
    {
        using var pair = new LoopbackPair();
        Fiber<bool> waiter = _runtime.Spawn(() => pair.Near.Poll(TimeSpan.FromMinutes(5), SelectMode.SelectError));
        Eventually.True(() => FiberState.IsParked(waiter), "it is parked");
        pair.Far.Send(new byte[1], SocketFlags.OutOfBand);
        waiter.Join().ShouldBeTrue();
    });

    [Fact]
    public void So_does_a_reset() => Bounded.Run(() =>
    {
        using var pair = new LoopbackPair();
        Fiber<bool> waiter = _runtime.Spawn(() => pair.Near.Poll(TimeSpan.FromMinutes(5), SelectMode.SelectError));
        Eventually.True(() => FiberState.IsParked(waiter), "it is parked");
        pair.Far.LingerState = new LingerOption(true, 0);
        pair.Far.Dispose();
        waiter.Join().ShouldBeTrue();
    });

    [Fact]
    public void A_time_out_that_is_set_later_counts() => Bounded.Run(() =>
    {
        using Reader reader = Experienced();
        reader.Near.ReceiveTimeout = 20;
        reader.Take(1); // the wait that was under way
        Should.Throw<SocketException>(reader.Fiber.Join).SocketErrorCode.ShouldBe(SocketError.TimedOut);
    });

    [Fact]
    public void So_does_a_change_to_a_socket_that_never_blocks() => Bounded.Run(() =>
    {
        using Reader reader = Experienced();
        reader.Near.Blocking = false;
        reader.Take(1);
        Should.Throw<SocketException>(reader.Fiber.Join).SocketErrorCode.ShouldBe(SocketError.WouldBlock);
    });

    [Fact]
    public unsafe void An_edge_that_came_since_it_looked_sends_a_reader_to_try() => Bounded.Run(() =>
    {
        using var pair = new LoopbackPair();
        NativeDescriptor* entry = Entry(pair.Near);
        Fiber first = _runtime.Spawn(() => pair.Near.Receive(new byte[1])); // the poller comes to know the file
        Eventually.True(() => FiberState.IsParked(first), "it waits");
        pair.Far.Send(new byte[1]);
        first.Join();
        uint before = entry->Edges;
        pair.Far.Send(new byte[1]);
        Eventually.True(() => entry->Edges != before, "the edge has come");
        _runtime.Run(() =>
        {
            VirtualThread self = VirtualThread.Current!;
            self.Begin(ParkReason.Read);
            ref NativeRequest request = ref self.Native->Request;
            request.Descriptor = (int)pair.Near.Handle;
            request.Events = DescriptorTable.In;
            request.Generation = entry->Generation;
            request.Edges = entry->Edges - 1;
            request.DeadlineNs = Clock.Never;
            Shim.fibers_leave(self.Native, (uint)RequestKind.Descriptor); // no other edge comes
            self.Abandon().ShouldBe(Wake.Ready);
        });
    });

    // One takes all there is, and waits without trying; the others take a little, and leave the rest behind.
    [Fact]
    public void Readers_that_share_a_connection_leave_nothing_to_nobody() => Bounded.Run(() =>
    {
        const int few = 4;
        var random = new Random(Stress.Seed);
        using FiberRuntime runtime = Runtimes.Native(4);
        using var pair = new LoopbackPair();
        long received = 0, sent = 0;
        int round = 0;
        Fiber all = runtime.SpawnConcurrent(() => Read(64, static () => { }));
        Fiber[] little = [.. Enumerable.Range(0, few).Select(_ => runtime.SpawnConcurrent(() => Read(1, UntilNextRound)))];
        try
        {
            Stress.For(1, () =>
            {
                Interlocked.Increment(ref round);
                sent += pair.Far.Send(new byte[random.Next(1, 40)]);
                SpinWait.SpinUntil(() => Volatile.Read(ref received) == sent, Bounded.Limit / 2).ShouldBeTrue($"{received} of {sent} bytes have been read");
            });
        }
        finally
        {
            Interlocked.Exchange(ref round, -1);
            pair.Far.Shutdown(SocketShutdown.Send);
        }

        foreach (Fiber reader in (Fiber[])[all, .. little])
            reader.Join();

        void Read(int size, Action pause)
        {
            byte[] buffer = new byte[size];
            while (pair.Near.Receive(buffer) is > 0 and int count)
            {
                Interlocked.Add(ref received, count);
                pause();
            }
        }

        void UntilNextRound()
        {
            for (int now = Volatile.Read(ref round); now >= 0 && Volatile.Read(ref round) == now;)
                Fiber.Yield();
        }
    });

    // Its next read will wait without asking.
    private unsafe Reader Experienced()
    {
        var reader = new Reader(_runtime);
        NativeDescriptor* entry = Entry(reader.Near);
        int reads = 0;
        do
            reader.Take(1);
        while (entry->Emptied != ((ulong)entry->Generation << 32 | entry->Edges) && ++reads < Rounds);
        entry->Emptied.ShouldBe((ulong)entry->Generation << 32 | entry->Edges);
        return reader;
    }

    private static unsafe NativeDescriptor* Entry(Socket socket)
    {
        int capacity;
        return Shim.fibers_descriptor_table(&capacity) + (int)socket.Handle;
    }

    // What is done to the connection is reported to the reader in one piece. `check` gets the number of bytes that had been read before.
    private void InOnePiece(Action<Reader> act, Action<Reader, long> check) => Bounded.Run(() =>
    {
        int inOnePiece = 0;
        for (int round = 0; round < Rounds; round++)
        {
            using Reader reader = Experienced();
            long before = reader.Taken;
            if (WhileNobodyPolls(reader, act))
                inOnePiece++;
            check(reader, before);
        }

        inOnePiece.ShouldBePositive();
    });

    // False: somebody did, a spare carrier.
    private unsafe bool WhileNobodyPolls(Reader reader, Action<Reader> act)
    {
        bool holds = false, done = false;
        Fiber holder = _runtime.SpawnConcurrent(() =>
        {
            Volatile.Write(ref holds, true);
            while (!Volatile.Read(ref done))
                Thread.SpinWait(10);
        });
        SpinWait.SpinUntil(() => Volatile.Read(ref holds));
        NativeDescriptor* entry = Entry(reader.Near);
        uint edges = entry->Edges;
        try
        {
            act(reader);
            return entry->Edges == edges;
        }
        finally
        {
            Volatile.Write(ref done, true);
            holder.Join();
        }
    }

    private static void TakeUrgent(Socket socket)
    {
        try
        {
            socket.Receive(new byte[1], SocketFlags.OutOfBand).ShouldBe(1);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.InvalidArgument)
        {
            // a spare carrier polled, and the reader has gone past it already
        }
    }

    /// <summary>A fiber that reads one end of a connection until it ends, more at a time than there ever is.</summary>
    private sealed class Reader : IDisposable
    {
        private readonly LoopbackPair _pair = new();
        private long _taken;

        public Reader(FiberRuntime runtime)
        {
            Fiber = runtime.SpawnConcurrent(() =>
            {
                byte[] buffer = new byte[64];
                while (_pair.Near.Receive(buffer) is > 0 and int count)
                    Interlocked.Add(ref _taken, count);
            });
            AwaitParked();
        }

        public Fiber Fiber { get; }

        public Socket Near => _pair.Near;

        public Socket Far => _pair.Far;

        public long Taken => Volatile.Read(ref _taken);

        /// <summary>It gets so many bytes, and waits for more or has ended.</summary>
        public void Take(int count)
        {
            long before = Taken;
            Far.Send(new byte[count]);
            Await(before + count);
            AwaitParked();
        }

        public void Await(long taken) => Eventually.True(() => Taken == taken, $"{taken} bytes are read");

        public long End()
        {
            Far.Shutdown(SocketShutdown.Send);
            Fiber.Join();
            return Taken;
        }

        public void Dispose() => _pair.Dispose();

        private void AwaitParked() => Eventually.True(() => Fiber.Status > FiberStatus.Running || FiberState.IsParked(Fiber), "it waits");
    }
}
