using Fibers.Native;

namespace Fibers.Demos.Swapping;

/// <summary>The registers that matter to a switch: what a call must preserve, what holds the arguments, and the thread pointer.</summary>
internal static unsafe class Registers
{
    public const string ThreadPointer = "fs base";

    public static IReadOnlyList<Register> Read(NativeStep* step, NativeStep* before, Effect effect)
    {
        (string Name, ulong Value)[] now = Values(step);
        (string Name, ulong Value)[] then = Values(before == null ? step : before);
        return [.. now.Select((register, i) => new Register(register.Name, register.Value, effect.Writes.Contains(register.Name) || register.Value != then[i].Value))];
    }

    public static ulong Value(NativeStep* step, string name) => Values(step).First(register => register.Name == name).Value;

    private static (string Name, ulong Value)[] Values(NativeStep* s) =>
    [
        ("rip", s->Rip), ("rsp", s->Rsp), (ThreadPointer, s->FsBase),
        ("rbp", s->Rbp), ("rbx", s->Rbx), ("r12", s->R12), ("r13", s->R13), ("r14", s->R14), ("r15", s->R15),
        ("mxcsr", s->Mxcsr), ("x87 control", s->X87Control),
        ("rdi", s->Rdi), ("rsi", s->Rsi), ("rax", s->Rax), ("rcx", s->Rcx),
    ];
}
