namespace Fibers;

public partial class Fiber
{
    /// <summary>
    /// Puts a deadline over a block: <c>using (Fiber.Timeout(TimeSpan.FromSeconds(2))) { ... }</c>. When it fires, the wait the fiber is in ends, unmodified blocking
    /// calls included, and leaving the block throws <see cref="TimeoutException"/>. Nests. Never parks itself. Only on a fiber.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative time other than <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>.</exception>
    /// <exception cref="InvalidOperationException">Not on a fiber.</exception>
    public static FiberTimeout Timeout(TimeSpan after)
    {
        if (after != System.Threading.Timeout.InfiniteTimeSpan)
            ArgumentOutOfRangeException.ThrowIfLessThan(after, TimeSpan.Zero);
        Fiber self = Current ?? throw new InvalidOperationException("A deadline belongs to a fiber; this is an ordinary thread.");
        return new FiberTimeout(self, after);
    }
}
