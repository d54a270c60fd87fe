namespace Fibers.Parking;

/// <summary>The parker of an ordinary thread: blocks it. Same park numbers, same rules.</summary>
internal sealed class ThreadParker : Parker
{
    private ulong _word; // ParkWord; changed only by compare-exchange once Begin has published the number

    public override ulong Begin(ParkReason reason)
    {
        ulong number = new ParkWord(_word).Number + 1;
        Volatile.Write(ref _word, ParkWord.Pack(number, Wake.None, ParkState.Parked).Raw); // release; pairs with TryWake's read
        return number;
    }

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
