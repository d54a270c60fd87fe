using System.Diagnostics;

namespace Fibers.Benchmarks.Torture;

/// <summary>Starts the tortured process and watches its board from outside: progress, stalls, crashes.</summary>
internal sealed unsafe class Supervisor(TortureSettings settings, Board board)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);       // for a part, or for the start
    private static readonly TimeSpan s_fiberPatience = TimeSpan.FromSeconds(60);  // for one fiber among many
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(250);
    private static readonly int s_parts = Enum.GetValues<Part>().Length;

    private readonly long[] _progress = new long[settings.Slots];
    private readonly TimeSpan[] _movedAt = new TimeSpan[settings.Slots];
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    public int Watch(string[] arguments)
    {
        using ChildProcess child = ChildProcess.StartSelf(arguments);
        TimeSpan reported = TimeSpan.Zero;
        while (!child.Process.WaitForExit(s_interval))
        {
            Look();
            if (Stalled() is { } what)
                return ReportStall(child, what);
            if (_clock.Elapsed - reported < TimeSpan.FromSeconds(5))
                continue;
            reported = _clock.Elapsed;
            Board.Header head = *board.Head;
            Console.WriteLine($"{reported.TotalSeconds,5:F0} s  {head.Phase,-8}  {_progress.Sum(),12:N0} things done   collections {head.Generation0:N0}/{head.Generation1:N0}/{head.Generation2:N0}");
        }

        if (child.Process.ExitCode == 0 && board.Head->Phase == Board.Phase.Done)
            return 0;
        Console.Error.WriteLine($"The tortured process ended with exit code {child.Process.ExitCode} while {board.Head->Phase}. --seed {settings.Seed}");
        PrintParts();
        return TortureCommand.Wrong;
    }

    private void Look()
    {
        TimeSpan now = _clock.Elapsed;
        for (int i = 0; i < settings.Slots; i++)
        {
            long progress = Volatile.Read(ref board[i]->Progress);
            if (progress == _progress[i] && board[i]->Step != Step.Ended)
                continue;
            _progress[i] = progress;
            _movedAt[i] = now;
        }
    }

    private string? Stalled()
    {
        TimeSpan now = _clock.Elapsed;
        for (int part = 0; part < s_parts; part++)
        {
            TimeSpan[] moved = [.. SlotsOf((Part)part).Select(slot => _movedAt[slot])];
            if (moved.Length > 0 && now - moved.Max() > s_patience)
                return $"part {(Part)part} has not moved for {s_patience.TotalSeconds} s";
        }

        for (int i = 0; i < settings.Slots; i++)
            if (now - _movedAt[i] > s_fiberPatience)
                return $"fiber {i} of part {(Part)board[i]->Part} has not moved for {s_fiberPatience.TotalSeconds} s";
        return null;
    }

    private IEnumerable<int> SlotsOf(Part part)
    {
        for (int i = 0; i < settings.Slots; i++)
            if (IsPart(i, part))
                yield return i;
    }

    private bool IsPart(int slot, Part part) => board[slot]->Part == (int)part;

    private int ReportStall(ChildProcess child, string what)
    {
        Console.Error.WriteLine($"STUCK while {board.Head->Phase}: {what}. --seed {settings.Seed}");
        PrintParts();
        NativeStacks.Print(child.Process.Id);
        child.Kill();
        return TortureCommand.Stuck;
    }

    private void PrintParts()
    {
        TimeSpan now = _clock.Elapsed;
        for (int part = 0; part < s_parts; part++)
        {
            int[] slots = [.. SlotsOf((Part)part)];
            Console.Error.WriteLine($"  {(Part)part}: {slots.Length} fibers, {slots.Sum(slot => _progress[slot]):N0} things done");
            foreach (IGrouping<Step, int> doing in slots.GroupBy(StepOf).OrderByDescending(static g => g.Count()))
                Console.Error.WriteLine($"      {doing.Count(),4} in {doing.Key}, unmoved for {doing.Min(slot => (now - _movedAt[slot]).TotalSeconds):F0} to {doing.Max(slot => (now - _movedAt[slot]).TotalSeconds):F0} s");
        }
    }

    private Step StepOf(int slot) => board[slot]->Step;
}
