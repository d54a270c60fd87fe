namespace Fibers.Benchmarks.Torture;

/// <summary>The single things a deep fiber does between two frames: everything that parks it, moves it, or stops it.</summary>
internal sealed class Torments(World world, Diary diary, Random random)
{
    public void One()
    {
        switch (random.Next(24))
        {
            case < 8: Do(Step.FiberYield, Fiber.Yield); break;
            case 8 or 9: Do(Step.FiberSleep, () => Fiber.Sleep(TimeSpan.FromMicroseconds(random.Next(1, 2000)))); break;
            case 10: Do(Step.ThreadSleep, static () => Thread.Sleep(1)); break;
            case 11: Do(Step.ThreadYield, static () => Thread.Yield()); break;
            case 12: Do(Step.TaskDelayWait, static () => Task.Delay(1).Wait()); break;
            case 13 or 14: EnterMonitor(); break;
            case 15 or 16: EnterLock(); break;
            case 17: WaitForSemaphore(); break;
            case 18 or 19: Do(Step.Allocating, Allocate); break;
            case 20: Do(Step.ThrowAcrossPark, ThrowAcrossPark); break;
            case 21: Do(Step.NullReference, DereferenceNull); break;
            default: Do(Step.Computing, static () => Thread.SpinWait(50)); break;
        }
    }

    private void Do(Step step, Action action)
    {
        diary.Now(step);
        action();
        diary.Now(Step.Computing);
        diary.Advance();
    }

    private void EnterMonitor()
    {
        World.Guarded<object> guarded = world.Monitor(random.Next(64));
        diary.Now(Step.MonitorEnter);
        lock (guarded.Gate)
        {
            Inside(Step.HoldingMonitor, guarded);
        }

        diary.Advance();
    }

    private void EnterLock()
    {
        World.Guarded<Lock> guarded = world.Lock(random.Next(64));
        diary.Now(Step.LockEnter);
        lock (guarded.Gate)
        {
            Inside(Step.HoldingLock, guarded);
        }

        diary.Advance();
    }

    private void Inside<T>(Step step, World.Guarded<T> guarded)
    {
        diary.Now(step);
        world.CountEntry();
        long before = guarded.Count;
        switch (random.Next(16))
        {
            case < 4: Fiber.Yield(); break;
            case 4: Fiber.Sleep(TimeSpan.FromMicroseconds(200)); break;
            case 5: Thread.Sleep(1); break;
        }

        guarded.Count = before + 1;
        diary.Now(Step.Computing);
    }

    private void WaitForSemaphore()
    {
        diary.Now(Step.SemaphoreWait);
        world.Semaphore.Wait();
        Fiber.Yield();
        world.Semaphore.Release();
        diary.Advance();
    }

    private void Allocate()
    {
        byte[][] storm = new byte[random.Next(1, 64)][];
        for (int i = 0; i < storm.Length; i++)
            storm[i] = new byte[random.Next(16, 4096)];
        if (random.Next(32) == 0)
            storm[0] = new byte[100_000]; // the large object heap
        GC.KeepAlive(storm);
    }

    // Park inside try, filter, catch and finally; the exception and its stack trace must survive each.
    private void ThrowAcrossPark()
    {
        string message = $"thrown {random.NextInt64()}";
        bool filtered = false, finished = false;
        try
        {
            try
            {
                Fiber.Yield();
                throw new InvalidOperationException(message);
            }
            finally
            {
                Thread.Sleep(0);
                Fiber.Yield();
                finished = true;
            }
        }
        catch (InvalidOperationException exception) when (filtered = YieldInFilter(exception, message))
        {
            Fiber.Sleep(TimeSpan.FromMicroseconds(50));
            Verify.That(exception.Message == message, "an exception changed its message across a park");
            Verify.That(exception.StackTrace!.Contains(nameof(ThrowAcrossPark), StringComparison.Ordinal), "an exception lost its stack trace across a park");
        }

        Verify.That(filtered && finished, "a filter or a finally did not run");
    }

    private static bool YieldInFilter(Exception exception, string message)
    {
        Fiber.Yield();
        return exception.Message == message;
    }

    private void DereferenceNull()
    {
        object? nothing = random.Next() < 0 ? this : null; // always null, but the compiler cannot know
        bool caught = false;
        try
        {
            nothing!.GetHashCode();
        }
        catch (NullReferenceException)
        {
            Fiber.Yield();
            caught = true;
        }

        Verify.That(caught, "no NullReferenceException came");
    }
}
