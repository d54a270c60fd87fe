namespace Fibers;

// Small ways to run several bodies together, each on FiberGroup. Names from Eio and from JavaScript's promises.
public partial class Fiber
{
    /// <summary>Runs all; waits for all. The first failure cancels the rest. Parks a fiber, blocks a thread; a cancellation point.</summary>
    /// <exception cref="AggregateException">At least one failed.</exception>
    public static void All(params Action[] bodies)
    {
        ArgumentNullException.ThrowIfNull(bodies);
        FiberGroup.Run(group =>
        {
            foreach (Action body in bodies)
                group.Spawn(body);
        });
    }

    /// <summary>Runs all; waits for all; returns their values in the order of the bodies. The first failure cancels the rest. Parks a fiber, blocks a thread; a cancellation point.</summary>
    /// <exception cref="AggregateException">At least one failed.</exception>
    public static T[] All<T>(params Func<T>[] bodies)
    {
        ArgumentNullException.ThrowIfNull(bodies);
        Fiber<T>[] fibers = [];
        FiberGroup.Run(group => { fibers = [.. bodies.Select(body => group.Spawn(body))]; });
        return [.. fibers.Select(static fiber => fiber.Join())];
    }

    /// <summary>Runs all; the first to succeed wins, the rest are cancelled. Parks a fiber, blocks a thread; a cancellation point.</summary>
    /// <exception cref="AggregateException">All failed.</exception>
    public static T Any<T>(params Func<T>[] bodies) => Race(bodies, static fiber => fiber.Status == FiberStatus.Succeeded);

    /// <summary>Runs all; the first to end, well or badly, decides, the rest are cancelled. Parks a fiber, blocks a thread; a cancellation point.</summary>
    public static T First<T>(params Func<T>[] bodies) => Race(bodies, static _ => true);

    /// <summary>Runs all; waits for all, whatever happens; returns the ended fibers in the order of the bodies. Parks a fiber, blocks a thread; a cancellation point.</summary>
    public static Fiber<T>[] Settle<T>(params Func<T>[] bodies)
    {
        ArgumentNullException.ThrowIfNull(bodies);
        Fiber<T>[] fibers = [.. bodies.Select(static body => Spawn(body))];
        WaitForAllOrCancel(fibers);
        return fibers;
    }

    /// <summary>
    /// Runs <paramref name="body"/> for every item, at most <paramref name="limit"/> at a time; the source is read no further ahead than that. The first failure cancels the
    /// rest. Parks a fiber, blocks a thread; a cancellation point.
    /// </summary>
    /// <exception cref="AggregateException">At least one failed.</exception>
    /// <exception cref="ArgumentException">The body is async: items would go on after it, beyond the limit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    public static void ForEach<T>(IEnumerable<T> source, int limit, Action<T> body)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(body);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        AsyncBody.Refuse(body);
        var turns = new FiberChannel<bool>(limit, "ForEach turns");
        for (int i = 0; i < limit; i++)
            turns.TrySend(true);
        FiberGroup.Run(group =>
        {
            foreach (T item in source)
            {
                turns.Receive();
                if (group.IsCanceled)
                    return;
                group.Spawn(() => body(item)).OnEnd(() => turns.TrySend(true)); // also of one that is cancelled before it begins
            }
        });
    }

    private static T Race<T>(Func<T>[] bodies, Func<Fiber<T>, bool> decides)
    {
        ArgumentNullException.ThrowIfNull(bodies);
        ArgumentOutOfRangeException.ThrowIfZero(bodies.Length, nameof(bodies));
        var ended = new FiberChannel<Fiber<T>>(bodies.Length, "race");
        var fibers = new List<Fiber<T>>();
        Fiber<T>? winner = null;
        try
        {
            foreach (Func<T> body in bodies)
            {
                Fiber<T> fiber = Spawn(body);
                fibers.Add(fiber);
                fiber.OnEnd(() => ended.TrySend(fiber));
            }

            for (int i = 0; i < bodies.Length && winner is null; i++)
            {
                Fiber<T> next = ended.Receive();
                if (decides(next))
                    winner = next;
            }
        }
        finally
        {
            foreach (Fiber<T> other in fibers)
                if (other != winner)
                    other.RequestCancel();
            foreach (Fiber<T> other in fibers)
                if (other != winner)
                    other.Dispose();
        }

        return winner is not null ? winner.Join() : throw new AggregateException(fibers.Select(static f => f.EndedWith!));
    }

    private Exception? EndedWith => Failure?.Info.SourceException ?? (Status == FiberStatus.Canceled ? CanceledHere() : null);

    private static void WaitForAllOrCancel<T>(Fiber<T>[] fibers)
    {
        try
        {
            foreach (Fiber<T> fiber in fibers)
                fiber.WaitForEnd(Parking.Clock.Never);
        }
        catch (OperationCanceledException)
        {
            foreach (Fiber<T> fiber in fibers)
                fiber.RequestCancel();
            foreach (Fiber<T> fiber in fibers)
                fiber.Dispose();
            throw;
        }
    }
}
