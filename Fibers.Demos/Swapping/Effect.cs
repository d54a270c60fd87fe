using Fibers.Native;
using Iced.Intel;

namespace Fibers.Demos.Swapping;

/// <summary>What one instruction writes to, by its encoding: registers, and the eight bytes at an address.</summary>
internal sealed record Effect(IReadOnlyList<string> Writes, ulong? StoredAt)
{
    public static Effect None { get; } = new([], null);

    public static unsafe Effect Of(Instruction instruction, NativeStep* step)
    {
        InstructionInfo info = new InstructionInfoFactory().GetInfo(instruction);
        string[] writes = [.. info.GetUsedRegisters().Where(static used => Writing(used.Access)).Select(static used => Disassembly.Name(used.Register.GetFullRegister()))];
        foreach (UsedMemory memory in info.GetUsedMemory())
        {
            if (Writing(memory.Access))
                return new Effect(writes, (Registers.Value(step, Disassembly.Name(memory.Base)) + memory.Displacement) & ~7UL);
        }

        return new Effect(writes, null);
    }

    private static bool Writing(OpAccess access) => access is OpAccess.Write or OpAccess.ReadWrite or OpAccess.CondWrite or OpAccess.ReadCondWrite;
}
