using Iced.Intel;

namespace Fibers.Demos.Swapping;

/// <summary>The switch routine, from its real bytes: one straight line, from its first instruction to the one that leaves it.</summary>
internal static unsafe class Disassembly
{
    private const int MaxBytes = 512;

    private static readonly NasmFormatter s_formatter = new() { Options = { FirstOperandCharIndex = 9, HexPrefix = "0x", HexSuffix = "", SpaceAfterOperandSeparator = true } };

    public static IReadOnlyList<Instruction> Decode(ulong address)
    {
        var instructions = new List<Instruction>();
        var decoder = Decoder.Create(64, new PointerReader((byte*)address, MaxBytes), address);
        do
            instructions.Add(decoder.Decode());
        while (instructions[^1].FlowControl is not (FlowControl.Return or FlowControl.IndirectBranch));
        return instructions;
    }

    public static Line ToLine(Instruction instruction, bool otherStack) => new(instruction.IP,
        Convert.ToHexString(new ReadOnlySpan<byte>((byte*)instruction.IP, instruction.Length)).ToLowerInvariant(), Format(instruction), Why(instruction, otherStack));

    /// <summary>Loads another stack pointer: from the next instruction on, the stack is the other's.</summary>
    public static bool SwapsStack(Instruction i) => i is { Mnemonic: Mnemonic.Mov, Op0Register: Iced.Intel.Register.RSP };

    private static string Format(Instruction instruction)
    {
        var output = new StringOutput();
        s_formatter.Format(instruction, output);
        return output.ToStringAndReset();
    }

    private static string Why(Instruction i, bool otherStack) => i switch
    {
        { Mnemonic: Mnemonic.Push } => $"a call must preserve {Name(i.Op0Register)}: put it on the stack that is left",
        { Mnemonic: Mnemonic.Pop, Op0Register: Iced.Intel.Register.RCX } => "the return address: where this stack was left",
        { Mnemonic: Mnemonic.Jmp } => "there: into whoever called the switch on this stack",
        { Mnemonic: Mnemonic.Pop } => $"{Name(i.Op0Register)} as it was when this stack was left",
        { Mnemonic: Mnemonic.Lea } => otherStack ? "drop the two control words" : "room for two floating-point control words",
        { Mnemonic: Mnemonic.Stmxcsr } => "SSE rounding mode and exception masks",
        { Mnemonic: Mnemonic.Fnstcw } => "the x87 twin",
        { Mnemonic: Mnemonic.Ldmxcsr } => "SSE rounding mode, as it was here",
        { Mnemonic: Mnemonic.Fldcw } => "the x87 twin, as it was here",
        { Mnemonic: Mnemonic.Mov, Op0Kind: OpKind.Memory, Op1Register: Iced.Intel.Register.RSP } => "all that is parked is this one pointer",
        { Mnemonic: Mnemonic.Wrfsbase } => "THE THREAD POINTER: from here thread-locals are the other's",
        { Mnemonic: Mnemonic.Syscall } => "THE THREAD POINTER, set by the kernel: from here thread-locals are the other's",
        { Mnemonic: Mnemonic.Ret } => "into whoever called the switch on this stack",
        { Mnemonic: Mnemonic.Mov } when SwapsStack(i) => "THE STACK: from here we stand on the other one",
        { Mnemonic: Mnemonic.Mov, Op1Kind: OpKind.Memory } => "the other's thread pointer",
        { Mnemonic: Mnemonic.Mov, Op0Kind: OpKind.Memory } => "nobody stands on the stack that was left any more: whoever waits for it may run it",
        { Mnemonic: Mnemonic.Mov, Op0Register: Iced.Intel.Register.R8 } => "who is left: the system call wants that register",
        { Mnemonic: Mnemonic.Mov } => "which system call, or its argument",
        _ => "",
    };

    public static string Name(Iced.Intel.Register register) => register.ToString().ToLowerInvariant();

    private sealed class PointerReader(byte* bytes, int count) : CodeReader
    {
        private int _next;

        public override int ReadByte() => _next < count ? bytes[_next++] : -1;
    }
}
