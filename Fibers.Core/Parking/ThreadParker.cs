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
        lock (this)
        {
            while (ParkWord.Read(ref _word).State == ParkState.Parked)
            {
                if (deadlineNs == Clock.Never)
                {
                    Monitor.Wait(this);
                    continue;
                }

                long left = deadlineNs - Clock.Now;
                if (left <= 0 || !Monitor.Wait(this, TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(left / 1e6), int.MaxValue))))
                {
                    ParkWord word = ParkWord.Read(ref _word);
                    if (word.State == ParkState.Parked && deadlineNs <= Clock.Now)
                        ParkWord.TryChange(ref _word, word, ParkWord.Pack(word.Number, Wake.Timeout, ParkState.Runnable));
                }
            }
        }

        return Settle();
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
        lock (this)
            Monitor.Pulse(this);
        return true;
    }

    private Wake Settle()
    {
        ParkWord word = ParkWord.Read(ref _word);
        Volatile.Write(ref _word, ParkWord.Pack(word.Number, Wake.None, ParkState.Running).Raw);
        return word.Wake;
    }
}
