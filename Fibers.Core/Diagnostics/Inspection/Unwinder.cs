using System.Runtime.InteropServices;

namespace Fibers.Diagnostics.Inspection;

/// <summary>One step outwards: from a managed frame that is at a call to its caller.</summary>
internal static class Unwinder
{
    private const int FrameRegister = 5; // rbp

    // A handler runs with its method's frame pointer: one step by that leads to the method's caller, past the runtime's code that called the handler.
    public static FrameContext Step(FrameContext frame, CodeBlock block) =>
        RuntimeInformation.ProcessArchitecture != Architecture.X64 || block.InHandler ? StepByFramePointer(frame) : StepX64(frame, block.UnwindInfo);

    // At the frame pointer the caller's, then the return address. Elsewhere than on x64 every managed method keeps that chain; on x64 those that have handlers do.
    private static FrameContext StepByFramePointer(FrameContext frame) =>
        new(ProcessMemory.Pointer(frame.FramePointer + nint.Size), frame.FramePointer + 2 * nint.Size, ProcessMemory.Pointer(frame.FramePointer));

    // On x64 a small method may do without a frame pointer, so its unwind codes are undone: the last first, in the Windows format, which .NET uses everywhere. A call is never in the
    // prologue.
    private static FrameContext StepX64(FrameContext frame, nint unwindInfo)
    {
        int count = ProcessMemory.Read<byte>(unwindInfo + 2);
        byte register = ProcessMemory.Read<byte>(unwindInfo + 3);
        nint stack = frame.StackPointer;
        nint framePointer = frame.FramePointer;
        if ((register & 0xf) is not (0 or FrameRegister))
            throw new UnreadableException();
        nint established = (register & 0xf) == 0 ? stack : frame.FramePointer - (register >> 4) * 16;
        for (int i = 0; i < count;)
        {
            nint code = unwindInfo + 4 + i * 2;
            int operation = ProcessMemory.Read<byte>(code + 1) & 0xf, info = ProcessMemory.Read<byte>(code + 1) >> 4;
            switch (operation)
            {
                case 0: // a register was pushed
                    if (info == FrameRegister)
                        framePointer = ProcessMemory.Pointer(stack);
                    stack += nint.Size;
                    i++;
                    break;
                case 1: // the stack pointer moved far
                    stack += info == 0 ? ProcessMemory.Read<ushort>(code + 2) * 8 : ProcessMemory.Read<int>(code + 2);
                    i += info == 0 ? 2 : 3;
                    break;
                case 2: // ... or near
                    stack += info * 8 + 8;
                    i++;
                    break;
                case 3: // the frame pointer was set
                    stack = established;
                    i++;
                    break;
                case 4 or 5: // a register was stored
                    if (info == FrameRegister)
                        framePointer = ProcessMemory.Pointer(established + (operation == 4 ? ProcessMemory.Read<ushort>(code + 2) * 8 : ProcessMemory.Read<int>(code + 2)));
                    i += operation == 4 ? 2 : 3;
                    break;
                case 8 or 9: // a vector register was stored
                    i += operation == 8 ? 2 : 3;
                    break;
                case 11: // the frame pointer was set, far from the stack pointer
                    stack = established = frame.FramePointer - ProcessMemory.Read<int>(code + 2) * 16;
                    i += 3;
                    break;
                default:
                    throw new UnreadableException();
            }
        }

        return new FrameContext(ProcessMemory.Pointer(stack), stack + nint.Size, framePointer);
    }
}
