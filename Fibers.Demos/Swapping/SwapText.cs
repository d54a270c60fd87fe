namespace Fibers.Demos.Swapping;

/// <summary>A recording for the terminal: what each instruction changed, and the two stacks when it mattered.</summary>
internal sealed class SwapText(SwapRecording recording, TextWriter output)
{
    private static readonly string[] s_preserved = ["rsp", Registers.ThreadPointer, "rbp", "rbx", "r12", "r13", "r14", "r15"];

    public void Write(bool everything)
    {
        output.WriteLine(recording.CapturedBy);
        foreach (Party party in recording.Parties)
            output.WriteLine($"  {party.Name,-12} stack 0x{party.StackLow:x} to 0x{party.StackHigh:x}{(party.GuardLow == 0 ? "" : $", guard page at 0x{party.GuardLow:x}")}: {party.Describes}");
        for (int i = 0; i < recording.Crossings.Count; i++)
            Write(i, recording.Crossings[i], everything);
        output.WriteLine();
        output.WriteLine("Red yielded and handed the carrier straight to blue. Blue slept, which leaves a deadline to keep: so it went back to the carrier, and the carrier ran red.");
        output.WriteLine("Each time the switch was called on one stack and left on another: the call of whoever is parked has yet to return.");
    }

    private void Write(int index, Crossing crossing, bool everything)
    {
        string from = recording.Parties[crossing.From].Name, to = recording.Parties[crossing.To].Name;
        output.WriteLine();
        Routine routine = recording.Routines[crossing.Routine];
        output.WriteLine($"Crossing {index + 1}, after {crossing.InstructionsBefore:N0} other instructions: {routine.Name} parks {from} and resumes {to}.");
        output.WriteLine($"  {from} stands in {Chain(crossing.FromFrames)}");
        output.WriteLine($"  {to} stands in {Chain(crossing.ToFrames)}");
        Step first = crossing.Steps[0], last = crossing.Steps[^1];
        for (int i = 0; i < crossing.Steps.Count - 1; i++)
        {
            Step step = crossing.Steps[i], next = crossing.Steps[i + 1];
            Line line = routine.Lines[step.Line];
            output.WriteLine($"  0x{line.Address:x}  {line.Text,-28} ; {line.Why}");
            foreach (string change in Changes(step, next, crossing))
                output.WriteLine($"                    {change}");
            for (int unseen = step.Line + 1; unseen < next.Line; unseen++)
                output.WriteLine($"  0x{routine.Lines[unseen].Address:x}  {routine.Lines[unseen].Text,-28} ; (no stop: the trap flag skips the instruction after a system call; what it changed is in the lines above)");
            if (everything)
                WriteMachine(next, crossing);
        }

        output.WriteLine($"  0x{last["rip"]:x}  in {last.At}, on the stack of {to}");
        output.WriteLine();
        output.WriteLine("  register      before              after");
        foreach (string register in s_preserved)
            output.WriteLine($"  {register,-12}  0x{first[register]:x16}  0x{last[register]:x16}{(first[register] == last[register] ? "" : "  changed")}");
        WriteStack($"{from}, as it is parked now", last.FromStack);
        WriteStack($"{to}, as it was parked before", first.ToStack);
    }

    private IEnumerable<string> Changes(Step before, Step after, Crossing crossing)
    {
        foreach (Register register in after.Registers.Where(static register => register.Written && register.Name != "rip"))
            yield return $"{register.Name}: 0x{before[register.Name]:x} -> 0x{register.Value:x}{Meaning(register, after)}";
        if (after.ParkedAt.Written)
            yield return $"[0x{after.ParkedAt.Address:x}] = 0x{after.ParkedAt.Value:x}  {after.ParkedAt.Name}";
        foreach ((Party owner, IReadOnlyList<Slot> stack) in new[] { (recording.Parties[crossing.From], after.FromStack), (recording.Parties[crossing.To], after.ToStack) })
        {
            foreach (Slot slot in stack.Where(static slot => slot.Written))
                yield return $"[0x{slot.Address:x}] = 0x{slot.Value:x}  {slot.Name}, on the stack of {owner.Name}";
        }
    }

    private string Meaning(Register register, Step step) => register.Name switch
    {
        "rsp" => $" (stack of {recording.Parties[step.StandsOn].Name})",
        Registers.ThreadPointer => $" (thread pointer of {recording.Parties[step.ThreadPointerOf].Name})",
        _ => "",
    };

    private void WriteMachine(Step step, Crossing crossing)
    {
        output.WriteLine($"      {string.Join("  ", step.Registers.Select(static register => $"{register.Name}=0x{register.Value:x}{(register.Written ? "*" : "")}"))}");
        WriteStack(recording.Parties[crossing.From].Name, step.FromStack);
        WriteStack(recording.Parties[crossing.To].Name, step.ToStack);
    }

    private void WriteStack(string title, IReadOnlyList<Slot> slots)
    {
        output.WriteLine();
        output.WriteLine($"  stack of {title} (it grows towards lower addresses, which are at the bottom here)");
        ulong top = slots.First(static slot => slot.Live).Address;
        foreach (Slot slot in slots.Reverse())
            output.WriteLine($"    0x{slot.Address:x}  0x{slot.Value:x16}  {slot.Name}{(slot.Address == top ? "  <- stack pointer" : "")}");
    }

    private static string Chain(IReadOnlyList<Frame> frames) => string.Join(" < ", frames.Select(static frame => frame.Name));
}
