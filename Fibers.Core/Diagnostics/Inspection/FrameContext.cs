namespace Fibers.Diagnostics.Inspection;

/// <summary>Where one frame stands: its code address, and the two registers that say where its caller's are.</summary>
internal readonly record struct FrameContext(nint Instruction, nint StackPointer, nint FramePointer);
