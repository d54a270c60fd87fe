namespace Fibers.Demos.Swapping;

/// <summary>What the machine did while one carrier went from a fiber to the next and back. Every number in it was read from the machine.</summary>
/// <param name="CapturedBy">How, in one sentence.</param>
/// <param name="Crossings">In order.</param>
internal sealed record SwapRecording(string CapturedBy, IReadOnlyList<Routine> Routines, IReadOnlyList<Party> Parties, IReadOnlyList<Crossing> Crossings);

/// <summary>A switch routine as it lies in memory.</summary>
internal sealed record Routine(string Name, IReadOnlyList<Line> Lines);

internal sealed record Line(ulong Address, string Bytes, string Text, string Why);

/// <summary>Who owns a stack: a fiber, or the carrier that runs one after another. The guard page lies below the stack; 0 when unknown.</summary>
internal sealed record Party(string Name, bool IsCarrier, string Describes, ulong StackLow, ulong StackHigh, ulong GuardLow);

/// <summary>One call of a switch routine.</summary>
/// <param name="Routine">Index of the routine.</param>
/// <param name="From">Index of the party that is parked.</param>
/// <param name="To">Index of the party that goes on.</param>
/// <param name="InstructionsBefore">Executed since the previous crossing, or since the recording began.</param>
/// <param name="FromFrames">Innermost first.</param>
/// <param name="ToFrames">Innermost first.</param>
internal sealed record Crossing(int Routine, int From, int To, long InstructionsBefore, IReadOnlyList<Frame> FromFrames, IReadOnlyList<Frame> ToFrames, IReadOnlyList<Step> Steps);

internal sealed record Frame(string Name, bool IsManaged);

/// <summary>The machine just before one instruction.</summary>
/// <param name="Line">Index of the instruction in the routine, or -1: the first one after it.</param>
/// <param name="At">Where that is, by name.</param>
/// <param name="StandsOn">Index of the party whose stack the stack pointer points into.</param>
/// <param name="ParkedAt">The context of the party that is left, as it lies in memory: the stack pointer it will go on with.</param>
/// <param name="ThreadPointerOf">Index of the party whose thread pointer is set.</param>
internal sealed record Step(int Line, string At, int StandsOn, int ThreadPointerOf, IReadOnlyList<Register> Registers, Slot ParkedAt, IReadOnlyList<Slot> FromStack, IReadOnlyList<Slot> ToStack)
{
    public ulong this[string register] => Registers.First(candidate => candidate.Name == register).Value;
}

/// <param name="Written">By the instruction before, if only with the value it had.</param>
internal sealed record Register(string Name, ulong Value, bool Written);

/// <summary>Eight bytes of a stack.</summary>
/// <param name="Live">At or above the stack pointer, so part of the stack; else free.</param>
/// <param name="Written">By the instruction before, if only with the value it had.</param>
internal sealed record Slot(ulong Address, ulong Value, string Name, bool Live, bool Written);
