using System.Runtime.CompilerServices;
using Fibers.Diagnostics.Dumps;
using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers.Diagnostics;

/// <summary>Finds that the fibers inside <see cref="FiberRuntime.Run(Action)"/> wait for one another for ever. Never a false alarm; it may miss one.</summary>
/// <remarks>
/// <para>
/// The parties are the runtime's live fibers and its guests: ordinary threads that wait in Run or carry out a body inline. A party stands when it is parked without a
/// deadline in a join, a channel, a select or a <see cref="FiberParker"/>. There is a deadlock when every party stands, no <see cref="Fiber.Timeout"/> is open, and
/// <see cref="Outsiders"/> knows nobody else who could wake one. Waits for descriptors, files, tasks, time, and those of .NET (a lock, an event) never count as standing.
/// </para>
/// <para>
/// Why that is sound: all parties are read twice, and park numbers are never used again, so whoever had the same number both times stood in between: all of them at once.
/// Nobody who stands can wake anybody, and whoever might is looked for between the two readings.
/// </para>
/// <para>
/// There is also a deadlock, whatever else runs, when a fiber in Run waits for a circle of fibers and threads that wait for one another: <see cref="CircleFinder"/>. There waits for monitors and locks of .NET count.
/// </para>
/// <para>Who looks: the watchdog when the carriers go idle; an ordinary thread that is about to block, or has ended its body. No party pays for it while it runs.</para>
/// </remarks>
internal sealed class DeadlockFinder(FiberRuntime runtime, bool selfContained)
{
    private const int MaxDumped = 10_000; // fibers: the exception should not be late
    private const long LookIntervalNs = 100_000_000;
    private readonly Dictionary<ThreadParker, int> _guests = []; // how often each has entered
    private readonly List<ThreadParker> _runs = [];              // those in Run
    private Latch _latch;                                        // guards both
    private long _nextLook;
    private int _runCount;
    private int _guestCount;
    private int _deadlines;
    private int _threadsInPark;

    /// <summary>One party, standing.</summary>
    private readonly record struct Standing(string Who, Parker Parker, ulong Number);

    public void DeadlineOpened() => Interlocked.Increment(ref _deadlines);

    public void DeadlineClosed() => Interlocked.Decrement(ref _deadlines);

    /// <summary>An ordinary thread enters Run, or begins to carry out a body.</summary>
    public void Enter(ThreadParker guest, bool run)
    {
        using Latch.Held held = _latch.Hold(); // without memory the guest has not entered
        _runs.EnsureCapacity(_runs.Count + 1);
        _guests[guest] = _guests.GetValueOrDefault(guest) + 1;
        _guestCount = _guests.Count;
        if (run)
            _runs.Add(guest);
        _runCount = _runs.Count;
    }

    public void Leave(ThreadParker guest, bool run)
    {
        Latch.Scope scope = _latch.Enter();
        if (--_guests[guest] == 0)
            _guests.Remove(guest);
        _guestCount = _guests.Count;
        if (run)
            _runs.Remove(guest);
        _runCount = _runs.Count;
        _latch.Exit(scope);
        Look();
    }

    /// <summary>A party on an ordinary thread, which has begun to park and is about to block.</summary>
    public Wake Park(ThreadParker parker, long deadlineNs)
    {
        parker.InPark = true;
        Interlocked.Increment(ref _threadsInPark);
        try
        {
            Look();
            return parker.Park(deadlineNs);
        }
        finally
        {
            Interlocked.Decrement(ref _threadsInPark);
            parker.InPark = false;
        }
    }

    /// <summary>Any ordinary thread; never throws. Tells those in Run when there is a deadlock.</summary>
    public void Look()
    {
        if (Volatile.Read(ref _runCount) == 0 || Volatile.Read(ref _deadlines) != 0)
            return;
        try
        {
            LookAtAll();
        }
        catch (Exception exception) when (Shortage.Is(exception))
        {
            // Who is about to park, or keeps watch, must not fail for want of what only looking takes. One is missed, perhaps.
        }
    }

    // Not inlined: what it calls may have to be loaded.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LookAtAll()
    {
        int threads = Volatile.Read(ref _guestCount) + (runtime.Backend == FiberBackend.Threads ? runtime.LiveFibers : 0);
        if (Volatile.Read(ref _threadsInPark) < threads || Read() is not { Count: > 0 } before)
            return;
        if (!selfContained && Outsiders.Any(runtime, before.Select(static one => one.Parker)))
            return;
        if (Read() is not { } after || !before.SequenceEqual(after) || Volatile.Read(ref _deadlines) != 0)
            return;
        Tell(after);
    }

    /// <summary>The watchdog. Tells each that is in Run, and whose fiber waits for some who wait for one another in a circle. False: it was too soon after the last time.</summary>
    public bool LookForCircles()
    {
        if (Volatile.Read(ref _runCount) == 0 || Volatile.Read(ref _deadlines) != 0)
            return true;
        if (Clock.Now < _nextLook)
            return false;
        foreach (ThreadParker run in Copy(_runs))
            if (run.InPark && run.WaitsFor is Fiber { IsEnded: false } main && main.Runtime == runtime && CircleFinder.Find(runtime, main) is { } circle && run.WaitsFor == main)
                run.Fail(new FiberDeadlockException([.. circle.Select(static party => $"{party} is {party.Waits}.")], Dump()));
        _nextLook = Clock.Now + LookIntervalNs;
        return true;
    }

    private void Tell(List<Standing> parties)
    {
        var deadlock = new FiberDeadlockException([.. parties.Select(Describe)], Dump());
        foreach (ThreadParker run in Copy(_runs))
            run.Fail(deadlock);
    }

    private ThreadParker[] Copy(IReadOnlyCollection<ThreadParker> guarded)
    {
        using Latch.Held held = _latch.Hold();
        return [.. guarded];
    }

    private string Dump()
    {
        try
        {
            var text = new StringWriter();
            new TextDump(text).Write(SnapshotGatherer.Gather(runtime, MaxDumped));
            return text.ToString();
        }
        catch (Exception exception) when (Shortage.Is(exception))
        {
            return $"There is no dump: {exception.Message}"; // the deadlock itself is no less true
        }
    }

    // Null: somebody does not stand.
    private List<Standing>? Read()
    {
        if (runtime.Scheduler is { } scheduler && !scheduler.IsQuiet)
            return null;
        var parties = new List<Standing>();
        foreach (Fiber fiber in runtime.Registry.Snapshot())
            if (!TryAdd(parties, fiber.ToString(), (Parker?)fiber.VirtualThread ?? fiber.HostParker))
                return null;
        foreach (ThreadParker guest in Copy(_guests.Keys))
            if (!TryAdd(parties, "A thread in FiberRuntime.Run", guest))
                return null;
        return parties;
    }

    private static bool TryAdd(List<Standing> parties, string who, Parker? parker)
    {
        if (parker is null || !parker.Stands(out ulong number))
            return false;
        parties.Add(new Standing(parker.Party?.ToString() ?? who, parker, number));
        return true;
    }

    private static string Describe(Standing one) =>
        $"{one.Who} has waited {(Environment.TickCount64 - one.Parker.SinceMs) / 1000.0:0.000} s {Verb(one.Parker.Reason)} {one.Parker.WaitsFor}.";

    private static string Verb(ParkReason reason) => reason switch
    {
        ParkReason.Join => "for the end of",
        ParkReason.Channel => "at",
        ParkReason.Select => "in a select on",
        _ => "parked in",
    };
}
