using Fibers.Parking;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Parking;

public class ThreadParkerTests
{
    [Fact]
    public void A_wake_that_comes_first_is_not_lost() => Bounded.Run(() =>
    {
        var parker = new ThreadParker();
        ulong number = parker.Begin(ParkReason.Park);
        parker.TryWake(number, Wake.Unparked).ShouldBeTrue();
        parker.Park(Clock.Never).ShouldBe(Wake.Unparked);
    });

    [Fact]
    public void Only_one_waker_wins_and_only_with_the_right_number() => Bounded.Run(() =>
    {
        var parker = new ThreadParker();
        ulong number = parker.Begin(ParkReason.Park);
        parker.TryWake(number - 1, Wake.Unparked).ShouldBeFalse();
        parker.TryWake(number + 1, Wake.Unparked).ShouldBeFalse();
        parker.TryWake(number, Wake.Ready).ShouldBeTrue();
        parker.TryWake(number, Wake.Unparked).ShouldBeFalse();
        parker.Park(Clock.Never).ShouldBe(Wake.Ready);
        parker.TryWake(number, Wake.Unparked).ShouldBeFalse("that park is over");
        parker.Begin(ParkReason.Park).ShouldBeGreaterThan(number);
    });

    [Fact]
    public void It_times_out_at_its_deadline_and_not_before() => Bounded.Run(() =>
    {
        var parker = new ThreadParker();
        ulong number = parker.Begin(ParkReason.Park);
        long deadline = Clock.Now + 20_000_000;
        parker.Park(deadline).ShouldBe(Wake.Timeout);
        Clock.Now.ShouldBeGreaterThanOrEqualTo(deadline);
        parker.TryWake(number, Wake.Unparked).ShouldBeFalse();
    });

    [Fact]
    public void Abandoning_says_whether_somebody_has_woken_it() => Bounded.Run(() =>
    {
        var parker = new ThreadParker();
        ulong number = parker.Begin(ParkReason.Park);
        parker.Abandon().ShouldBe(Wake.None);
        parker.TryWake(number, Wake.Unparked).ShouldBeFalse();
        number = parker.Begin(ParkReason.Park);
        parker.TryWake(number, Wake.Closed).ShouldBeTrue();
        parker.Abandon().ShouldBe(Wake.Closed);
    });

    [Fact]
    public void Of_many_wakers_and_a_time_out_exactly_one_wins_each_park() => Bounded.Run(() =>
    {
        const int wakers = 3, parks = 5_000;
        var parker = new ThreadParker();
        ulong published = 0;
        int wins = 0;
        bool stop = false;
        Thread[] threads = [.. Enumerable.Range(0, wakers).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                if (parker.TryWake(Volatile.Read(ref published), Wake.Unparked))
                    Interlocked.Increment(ref wins);
        })
        { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        int unparked = 0;
        for (int park = 0; park < parks; park++)
        {
            Volatile.Write(ref published, parker.Begin(ParkReason.Park));
            Wake wake = park % 3 == 0 ? parker.Abandon() : parker.Park(Clock.Now + park % 5 * 1_000);
            if (wake == Wake.Unparked)
                unparked++;
        }

        Volatile.Write(ref stop, true);
        foreach (Thread thread in threads)
            thread.Join();
        unparked.ShouldBe(wins);
    });

    [Fact]
    public void Two_threads_hand_a_token_back_and_forth() => Bounded.Run(() =>
    {
        const int turns = 5_000;
        var parkers = new ThreadParker[2];
        ulong[] numbers = new ulong[2];
        int token = 0;
        using var ready = new Barrier(2);
        void Play(int me)
        {
            parkers[me] = (ThreadParker)Parker.Current;
            ready.SignalAndWait();
            for (int turn = 0; turn < turns; turn++)
            {
                while (true)
                {
                    Volatile.Write(ref numbers[me], parkers[me].Begin(ParkReason.Park));
                    Interlocked.MemoryBarrier();
                    if (Volatile.Read(ref token) % 2 == me)
                    {
                        parkers[me].Abandon();
                        break;
                    }

                    parkers[me].Park(Clock.Never);
                }

                Interlocked.Increment(ref token);
                parkers[1 - me].TryWake(Volatile.Read(ref numbers[1 - me]), Wake.Unparked);
            }
        }

        var other = new Thread(() => Play(1)) { IsBackground = true };
        other.Start();
        Play(0);
        other.Join();
        token.ShouldBe(turns * 2);
    });
}
