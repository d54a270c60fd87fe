namespace Fibers;

/// <summary>How one waiting party is won, once, by one of those who could complete its wait, and woken.</summary>
internal abstract class WaitCell
{
    /// <summary>
    /// Any thread, under the latch of the list <paramref name="waiter"/> was just taken out of. True for the one that completes this wait: it fills the waiter, marks it filled (both under
    /// the latch), and calls <see cref="Wake"/>.
    /// </summary>
    public abstract bool TryWin(Waiter waiter);

    /// <summary>The winner, once, outside any latch.</summary>
    public abstract void Wake();

    /// <summary>The waiting party, whose wait was interrupted or failed, and was won all the same: that must count, and an interrupt is for the next wait.</summary>
    protected static void Postpone(Exception exception)
    {
        if (exception is ThreadInterruptedException)
            Thread.CurrentThread.Interrupt();
    }
}
