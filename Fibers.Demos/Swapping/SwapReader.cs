using Fibers.Native;
using Iced.Intel;

namespace Fibers.Demos.Swapping;

/// <summary>From what the shim wrote down to a recording that names everything.</summary>
internal sealed unsafe class SwapReader(NativeRecording* native, NativeVThread* red, NativeVThread* blue, CodeMap code)
{
    private const int Red = 0, Blue = 1, Carrier = 2;

    private readonly List<(Routine Routine, IReadOnlyList<Instruction> Instructions)> _routines = [];

    public SwapRecording Read()
    {
        var carrier = (NativeCarrier*)native->Crossings[1].To; // the context is its first field
        Party[] parties = [OfFiber("red", red), OfFiber("blue", blue), OfCarrier(carrier, native->Crossings[1].ToLow)];
        Crossing[] crossings = [ReadCrossing(0, Red, Blue), ReadCrossing(1, Blue, Carrier), ReadCrossing(2, Carrier, Red)];
        return new SwapRecording(
            "Single-stepped: with the trap flag set the processor stopped the carrier's kernel thread after every instruction, and a signal handler on another stack wrote down what the kernel had saved of it.",
            [.. _routines.Select(static known => known.Routine)], parties, crossings);
    }

    // Those of a fiber and of a carrier need not be the same.
    private int FindRoutine(ulong address)
    {
        int index = _routines.FindIndex(known => known.Routine.Lines[0].Address == address);
        if (index >= 0)
            return index;
        IReadOnlyList<Instruction> instructions = Disassembly.Decode(address);
        _routines.Add((new Routine(code.Find(address).Name, ReadLines(instructions)), instructions));
        return _routines.Count - 1;
    }

    private static List<Line> ReadLines(IReadOnlyList<Instruction> instructions)
    {
        var lines = new List<Line>();
        bool otherStack = false;
        foreach (Instruction instruction in instructions)
        {
            lines.Add(Disassembly.ToLine(instruction, otherStack));
            otherStack |= Disassembly.SwapsStack(instruction);
        }

        return lines;
    }

    private static Party OfFiber(string name, NativeVThread* vthread) => new($"fiber {name}", IsCarrier: false,
        $"a virtual thread: managed like any thread, but no kernel thread of its own; its id is {vthread->VirtualTid}",
        (ulong)vthread->StackLow, (ulong)vthread->StackHigh, (ulong)vthread->StackLow - (ulong)Environment.SystemPageSize);

    private Party OfCarrier(NativeCarrier* carrier, ulong inStack)
    {
        Mapping stack = code.MappingOf(inStack) ?? throw new InvalidOperationException($"No mapping holds the carrier's stack at 0x{inStack:x}.");
        bool guarded = code.MappingOf(stack.Low - 1) is { Access: ['-', '-', '-', ..] };
        return new Party($"carrier {carrier->Index}", IsCarrier: true, $"kernel thread {carrier->KernelTid}, which lends itself to one fiber after another",
            stack.Low, stack.High, guarded ? stack.Low - (ulong)Environment.SystemPageSize : 0);
    }

    private Crossing ReadCrossing(int index, int from, int to)
    {
        NativeCrossing* crossing = &native->Crossings[index];
        NativeStep*[] steps = StepsOf((uint)index);
        int routine = FindRoutine(crossing->Routine);
        IReadOnlyList<Instruction> instructions = _routines[routine].Instructions;
        NativeStep* first = steps[0], last = steps[^1];
        var left = new StackCopies(native->Memory, crossing->FromLow, crossing->FromWords, offset: 0);
        var entered = new StackCopies(native->Memory, crossing->ToLow, crossing->ToWords, offset: crossing->FromWords);
        StackNames leftNames = new(code), enteredNames = new(code);
        leftNames.NameSaved(SlotsOf(instructions, steps, Mnemonic.Push, Mnemonic.Stmxcsr, after: true));
        leftNames.NameFrames(left, first, first->Rsp, first->Rbp);
        enteredNames.NameSaved(SlotsOf(instructions, steps, Mnemonic.Pop, Mnemonic.Ldmxcsr, after: false));
        // On arrival the return address has just been popped, and rbp is that of the function arrived in.
        enteredNames.NameFrames(entered, last, last->Rsp - sizeof(ulong), last->Rbp);

        var read = new List<Step>();
        for (int i = 0; i < steps.Length; i++)
        {
            NativeStep* step = steps[i], before = i == 0 ? null : steps[i - 1];
            bool swapped = entered.Holds(step->Rsp);
            Effect effect = before == null ? Effect.None : Effect.Of(instructions[LineOf(instructions, before)], before);
            read.Add(new Step(step->Inside != 0 ? LineOf(instructions, step) : -1, PlaceOf(step, crossing->Routine), swapped ? to : from, step->FsBase == first->FsBase ? from : to, Registers.Read(step, before, effect),
                new Slot((ulong)crossing->From, step->ParkedAt, "stack pointer, in the context that is parked", Live: true, effect.StoredAt == (ulong)crossing->From),
                left.Slots(step, before, swapped ? step->ParkedAt : step->Rsp, effect.StoredAt, leftNames), entered.Slots(step, before, swapped ? step->Rsp : crossing->ToLow, effect.StoredAt, enteredNames)));
        }

        return new Crossing(routine, from, to, (long)crossing->Instructions, leftNames.Frames, enteredNames.Frames, read);
    }

    private NativeStep*[] StepsOf(uint crossing)
    {
        int first = 0, count = 0;
        for (int i = 0; i < native->StepCount; i++)
        {
            first = native->Steps[i].Crossing < crossing ? i + 1 : first;
            count += native->Steps[i].Crossing == crossing ? 1 : 0;
        }

        var steps = new NativeStep*[count];
        for (int i = 0; i < count; i++)
            steps[i] = &native->Steps[first + i];
        return steps;
    }

    // Which slot keeps what is not taken from a table: it is where each recorded push has written, and each pop has read.
    private static List<(ulong Address, string Name)> SlotsOf(IReadOnlyList<Instruction> instructions, NativeStep*[] steps, Mnemonic register, Mnemonic control, bool after)
    {
        var slots = new List<(ulong, string)>();
        for (int i = 0; i < steps.Length - 1; i++)
        {
            Instruction instruction = instructions[LineOf(instructions, steps[i])];
            if (instruction.Mnemonic == register)
                slots.Add((steps[after ? i + 1 : i]->Rsp, $"saved {Disassembly.Name(instruction.Op0Register)}"));
            else if (instruction.Mnemonic == control)
                slots.Add((steps[i]->Rsp, "saved mxcsr and x87 control"));
        }

        return slots;
    }

    private static int LineOf(IReadOnlyList<Instruction> instructions, NativeStep* step)
    {
        for (int line = 0; line < instructions.Count; line++)
        {
            if (instructions[line].IP == step->Rip)
                return line;
        }

        throw new InvalidOperationException($"0x{step->Rip:x} is no instruction of the switch routine.");
    }

    private string PlaceOf(NativeStep* step, ulong routine) => step->Inside != 0 ? $"+{step->Rip - routine}" : code.Find(step->Rip).Name;
}
