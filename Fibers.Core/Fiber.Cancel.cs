using Fibers.Parking;

namespace Fibers;

public partial class Fiber : IDisposable
{
    /// <summary>
    /// Requests cancellation, then as <see cref="Join()"/>: the same result, the same exceptions, and idempotent with it. Not a cancellation point: nothing
    /// is left behind. Parks a fiber, blocks a thread. (Zig: <c>future.cancel</c>.)
    /// </summary>
    /// <exception cref="OperationCanceledException">The fiber ended by cancellation.</exception>
    public void Cancel()
    {
        CancelAndWait();
        ThrowIfFailed();
    }

    /// <summary>Cancels and waits; never throws. What the body threw, or a result nobody took, is dropped (the result disposed), so <c>using var f = Fiber.Spawn(...)</c> leaks nothing on any path. Not a cancellation point. Parks a fiber, blocks a thread.</summary>
    public void Dispose()
    {
        if (Current == this)
            return; // from inside the body: there is nothing to wait for
        CancelAndWait();
        Failure?.Observe();
        DropResult();
        GC.SuppressFinalize(this);
    }

    private protected void CancelAndWait()
    {
        if (Current == this)
            throw new InvalidOperationException("A fiber cannot wait for itself.");
        RequestCancel();
        Unbroken(this, static fiber => fiber.WaitForEnd(Clock.Never));
    }

    /// <summary>A wait that leaves nothing behind: whoever cancels the fiber, or interrupts the thread, meanwhile ends what it does after that.</summary>
    internal static void Unbroken<T>(T what, Action<T> wait)
    {
        Fiber? self = Current;
        self?.EnterShield();
        try
        {
            WaitThrough(what, wait);
        }
        finally
        {
            self?.LeaveShield();
        }
    }

    private static void WaitThrough<T>(T what, Action<T> wait)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                wait(what);
                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        if (interrupted)
            Thread.CurrentThread.Interrupt();
    }

    private protected virtual void DropResult()
    {
    }
}
