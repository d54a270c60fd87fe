using System.Runtime.InteropServices;

namespace Fibers.Diagnostics.Inspection;

/// <summary>One step outwards: from a managed frame that is at a call to its caller. Use one for one dump.</summary>
internal sealed class Unwinder(StackWindow stack)
{
    private const int FrameRegister = 5; // rbp
    private readonly Dictionary<nint, Recipe> _recipes = [];

    /// <summary>Relative to the frame pointer, or to the stack pointer.</summary>
    private readonly record struct Place(bool ByFramePointer, int Offset)
    {
        public Place Above(int bytes) => this with { Offset = Offset + bytes };

        public nint In(FrameContext frame) => (ByFramePointer ? frame.FramePointer : frame.StackPointer) + Offset;
    }

    /// <summary>Where the return address is, and the caller's frame pointer, if it was saved.</summary>
    private readonly record struct Recipe(Place Returns, Place? FramePointer);

    // A handler runs with its method's frame pointer: one step by that leads to the method's caller, past the runtime's code that called the handler.
    public FrameContext Step(FrameContext frame, CodeBlock block) =>
        RuntimeInformation.ProcessArchitecture != Architecture.X64 || block.InHandler ? StepByFramePointer(frame) : StepX64(frame, block.UnwindInfo);

    // At the frame pointer the caller's, then the return address. Elsewhere than on x64 every managed method keeps that chain; on x64 those that have handlers do.
    private FrameContext StepByFramePointer(FrameContext frame) =>
        new(stack.Pointer(frame.FramePointer + nint.Size), frame.FramePointer + 2 * nint.Size, stack.Pointer(frame.FramePointer));

    private FrameContext StepX64(FrameContext frame, nint unwindInfo)
    {
        if (!_recipes.TryGetValue(unwindInfo, out Recipe recipe))
            _recipes[unwindInfo] = recipe = Read(unwindInfo);
        nint returns = recipe.Returns.In(frame);
        nint framePointer = recipe.FramePointer is { } saved ? stack.Pointer(saved.In(frame)) : frame.FramePointer; // lies further in: first
        return new FrameContext(stack.Pointer(returns), returns + nint.Size, framePointer);
    }

    // A small method may do without a frame pointer, so its unwind codes are undone: the last first, in the Windows format, which .NET uses everywhere. A call is never in the prologue.
    private static Recipe Read(nint unwindInfo)
    {
        int count = ProcessMemory.Read<byte>(unwindInfo + 2);
        int register = ProcessMemory.Read<byte>(unwindInfo + 3);
        if ((register & 0xf) is not (0 or FrameRegister))
            throw new UnreadableException();
        Place established = (register & 0xf) == 0 ? new Place(false, 0) : new Place(true, -(register >> 4) * 16);
        var top = new Place(false, 0);
        Place? framePointer = null;
        for (int i = 0; i < count;)
        {
            nint code = unwindInfo + 4 + i * 2;
            int operation = ProcessMemory.Read<byte>(code + 1) & 0xf, info = ProcessMemory.Read<byte>(code + 1) >> 4;
            switch (operation)
            {
                case 0: // a register was pushed
                    if (info == FrameRegister)
                        framePointer = top;
                    top = top.Above(nint.Size);
                    i++;
                    break;
                case 1: // the stack pointer moved far
                    top = top.Above(info == 0 ? ProcessMemory.Read<ushort>(code + 2) * 8 : ProcessMemory.Read<int>(code + 2));
                    i += info == 0 ? 2 : 3;
                    break;
                case 2: // ... or near
                    top = top.Above(info * 8 + 8);
                    i++;
                    break;
                case 3: // the frame pointer was set
                    top = established;
                    i++;
                    break;
                case 4 or 5: // a register was stored
                    if (info == FrameRegister)
                        framePointer = established.Above(operation == 4 ? ProcessMemory.Read<ushort>(code + 2) * 8 : ProcessMemory.Read<int>(code + 2));
                    i += operation == 4 ? 2 : 3;
                    break;
                case 8 or 9: // a vector register was stored
                    i += operation == 8 ? 2 : 3;
                    break;
                case 11: // the frame pointer was set, far from the stack pointer
                    top = established = new Place(true, -ProcessMemory.Read<int>(code + 2) * 16);
                    i += 3;
                    break;
                default:
                    throw new UnreadableException();
            }
        }

        return new Recipe(top, framePointer);
    }
}
