using Fibers.Diagnostics;

namespace Fibers.Parking;

/// <summary>The parker of an ordinary thread: blocks it. Same park numbers, same rules.</summary>
internal sealed class ThreadParker : Parker
{
    private FiberDeadlockException? _deadlock;
    private long _deadlineNs;
    private ulong _word; // ParkWord; changed only by compare-exchange once Begin has published the number

    /// <summary>Its thread, as the kernel knows it.</summary>
    public int KernelId { get; } = Outsiders.KernelId();

    /// <summary>The runtime in whose Run it is, if it is. Owner only.</summary>
    public FiberRuntime? Guest { get; set; }

    /// <summary>It has begun to park and will not change its mind. Written by the owner.</summary>
    public volatile bool InPark;

    /// <summary>Any thread. A snapshot.</summary>
    public ParkWord State => ParkWord.Read(ref _word);

    public override bool Stands(out ulong number)
    {
        ParkWord word = ParkWord.Read(ref _word);
        number = word.Number;
        return word.State == ParkState.Parked && InPark && IsInside(Reason) && Volatile.Read(ref _deadlineNs) == Clock.Never;
    }

    /// <summary>The finder of deadlocks: the park ends with <paramref name="deadlock"/>.</summary>
    public void Fail(FiberDeadlockException deadlock)
    {
        ulong number = ParkWord.Read(ref _word).Number;
        Volatile.Write(ref _deadlock, deadlock);
        TryWake(number, Wake.Failed);
    }

    /// <summary>Owner only, when the wake was Failed.</summary>
    public FiberDeadlockException TakeDeadlock() => Interlocked.Exchange(ref _deadlock, null)!;

    public override ulong Begin(ParkReason reason)
    {
        Reason = reason;
        ParkedAt(Environment.TickCount64);
        Volatile.Write(ref _deadlineNs, 0); // not known yet
        ulong number = new ParkWord(_word).Number + 1;
        Volatile.Write(ref _word, ParkWord.Pack(number, Wake.None, ParkState.Parked).Raw); // release; pairs with TryWake's read
        return number;
    }

    /// <summary>Owner only, before <see cref="Park"/>.</summary>
    public void SetDeadline(long deadlineNs) => Volatile.Write(ref _deadlineNs, deadlineNs);

    public override Wake Park(long deadlineNs)
    {
        try
        {
            lock (this)
            {
                while (ParkWord.Read(ref _word).State == ParkState.Parked)
                    WaitOnce(deadlineNs);
            }
        }
        catch (ThreadInterruptedException)
        {
            Claim(Wake.Canceled);
            if (Fiber.Current is not { MustDeliver: true })
            {
                Settle();
                throw; // somebody interrupted the thread, not the fiber
            }

            Thread.CurrentThread.Interrupt(); // how cancellation reaches an ordinary thread: TryDeliver takes it
        }

        return Settle();
    }

    // With the lock held.
    private void WaitOnce(long deadlineNs)
    {
        if (deadlineNs == Clock.Never)
        {
            Monitor.Wait(this);
            return;
        }

        long left = deadlineNs - Clock.Now;
        if (left <= 0)
            Claim(Wake.Timeout);
        else
            Monitor.Wait(this, TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(left / 1e6), int.MaxValue)));
    }

    private void Claim(Wake wake)
    {
        ParkWord word = ParkWord.Read(ref _word);
        if (word.State == ParkState.Parked)
            ParkWord.TryChange(ref _word, word, ParkWord.Pack(word.Number, wake, ParkState.Runnable));
    }

    public override Wake Abandon()
    {
        ParkWord word = ParkWord.Read(ref _word);
        if (word.State == ParkState.Parked && ParkWord.TryChange(ref _word, word, ParkWord.Pack(word.Number, Wake.None, ParkState.Running)))
            return Wake.None;
        return Settle();
    }

    public override bool IsPast(ulong number) => ParkWord.Read(ref _word).Number != number;

    public override bool TryWake(ulong number, Wake wake)
    {
        if (!ParkWord.TryChange(ref _word, ParkWord.Pack(number, Wake.None, ParkState.Parked), ParkWord.Pack(number, wake, ParkState.Runnable)))
            return false;
        // A waker that is being interrupted itself must not leave without the pulse.
        bool interrupted = false;
        while (true)
        {
            try
            {
                lock (this)
                    Monitor.Pulse(this);
                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        if (interrupted)
            Thread.CurrentThread.Interrupt();
        return true;
    }

    private Wake Settle()
    {
        ParkWord word = ParkWord.Read(ref _word);
        Volatile.Write(ref _word, ParkWord.Pack(word.Number, Wake.None, ParkState.Running).Raw);
        return word.Wake;
    }
}
