namespace Fibers.Demos;

/// <summary>
/// The eleven examples of Andrew Kelley's "Zig's New Async I/O (Text Version)", October 2025, told with fibers. What he calls async is Spawn, await is Join, concurrent is SpawnConcurrent;
/// defer with cancel is using.
/// </summary>
internal static class Zig
{
    private static readonly TimeSpan s_work = TimeSpan.FromMilliseconds(100);

    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1, SelfContained = true });
        Console.WriteLine("0  A call.");
        DoWork("");
        Console.WriteLine("1  The same call where fibers are. The function did not change: it does not know.");
        runtime.Run(() => DoWork(""));
        Console.WriteLine("2  Spawned and joined at once: the same again, because nothing stands between the two.");
        runtime.Run(static () => Fiber.Spawn(() => DoWork("")).Join());
        Console.WriteLine("3  Two spawned, then joined.");
        TwoAtOnce(runtime);
        Console.WriteLine("4  The first fails, and so the second is never joined.");
        FailsAndForgets(runtime);
        Console.WriteLine("5  Join both, then look at the failure: right, but slow, and easy to get wrong.");
        TimeSpan patient = Claim.Time(() => ExpectFailure(runtime, JoinsBoth));
        Console.WriteLine("6  With using, whoever leaves cancels what is still running and waits for it.");
        TimeSpan hasty = Claim.Time(() => ExpectFailure(runtime, Cancels));
        Claim.That(hasty < patient / 2, "   Nobody waited for work that nobody wants: less than half the time of 5.");
        Console.WriteLine("7  Results that must be given back, whether somebody took them or not.");
        runtime.Run(GivesBack);
        Console.WriteLine("8  A queue without room: each needs the other to be there. Asked for as asynchrony, with Spawn.");
        Console.WriteLine($"   {runtime.Run(() => Rendezvous(concurrently: false))}. Luck: this runtime happens to be concurrent.");
        using var inline = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Inline, SelfContained = true });
        Console.WriteLine("9  The same where nothing runs beside anything else.");
        TellFailure<FiberDeadlockException>(() => inline.Run(() => Rendezvous(concurrently: false)));
        Console.WriteLine("10 Asked for as concurrency, with SpawnConcurrent: it works, or says at once that it cannot.");
        Console.WriteLine($"   {runtime.Run(() => Rendezvous(concurrently: true))}.");
        TellFailure<ConcurrencyUnavailableException>(() => inline.Run(() => Rendezvous(concurrently: true)));
    }

    private static void DoWork(string flavour)
    {
        if (flavour == "hard")
            throw new InvalidOperationException("too hard");
        Console.WriteLine($"   working {flavour}".TrimEnd());
        Fiber.Sleep(flavour.Length > 0 ? s_work * 5 : s_work);
    }

    private static void TwoAtOnce(FiberRuntime runtime)
    {
        double ratio = Claim.BestRatio(5, 1.5, () => Claim.Time(() => runtime.Run(static () =>
        {
            using Fiber a = Fiber.Spawn(() => Fiber.Sleep(s_work)), b = Fiber.Spawn(() => Fiber.Sleep(s_work));
            a.Join();
            b.Join();
        })) / Claim.Time(() => runtime.Run(static () => Fiber.Sleep(s_work))));
        Claim.That(ratio < 1.5, "   Two took about as long as one.");
    }

    private static void FailsAndForgets(FiberRuntime runtime)
    {
        Fiber? forgotten = null;
        ExpectFailure(runtime, () =>
        {
            Fiber a = Fiber.Spawn(() => DoWork("hard")), b = forgotten = Fiber.Spawn(() => DoWork("on an excuse"));
            a.Join();
            b.Join();
        });
        Claim.That(forgotten!.Status != FiberStatus.Succeeded, "   And the second goes on, though nobody is left who knows of it. (In Zig: a leak.)");
        forgotten.Join();
    }

    private static void JoinsBoth()
    {
        Fiber a = Fiber.Spawn(() => DoWork("hard")), b = Fiber.Spawn(() => DoWork("on an excuse"));
        try
        {
            a.Join();
        }
        finally
        {
            b.Join();
        }
    }

    private static void Cancels()
    {
        using Fiber a = Fiber.Spawn(() => DoWork("hard")), b = Fiber.Spawn(() => DoWork("on an excuse"));
        a.Join();
        b.Join();
    }

    private static void GivesBack()
    {
        int taken = 0, given = 0;
        using (Fiber<Loan> a = Fiber.Spawn(() => new Loan(ref taken, () => given++)), b = Fiber.Spawn(() => new Loan(ref taken, () => given++)))
        {
            using Loan first = a.Join();
            ((Fiber)b).Join(); // it has a result, and we do not take it
        }

        Claim.That((taken, given) == (2, 2), "   Two were taken, two were given back: a fiber disposes of a result that nobody took.");
    }

    private static string Rendezvous(bool concurrently)
    {
        var queue = new FiberChannel<string>(name: "queue");
        Action send = () => queue.Send("never gonna give you up");
        using Fiber producer = concurrently ? Fiber.SpawnConcurrent(send) : Fiber.Spawn(send);
        using Fiber<string> consumer = concurrently ? Fiber.SpawnConcurrent(queue.Receive) : Fiber.Spawn(queue.Receive);
        return $"message received: {consumer.Join()}";
    }

    private static void ExpectFailure(FiberRuntime runtime, Action body) => TellFailure<InvalidOperationException>(() => runtime.Run(body));

    private static void TellFailure<T>(Action body) where T : Exception
    {
        try
        {
            body();
        }
        catch (T failure)
        {
            Console.WriteLine($"   {typeof(T).Name}: {failure.Message.Split('\n')[0].Trim()}");
            return;
        }

        throw new ClaimException($"a {typeof(T).Name}");
    }

    private sealed class Loan : IDisposable
    {
        private readonly Action _giveBack;

        public Loan(ref int taken, Action giveBack)
        {
            taken++;
            _giveBack = giveBack;
        }

        public void Dispose() => _giveBack();
    }
}
