namespace Fibers.Diagnostics.Inspection;

/// <summary>The managed stack of a thread that stands in native code: a parked fiber, or a blocked thread.</summary>
/// <remarks>
/// Nothing runs on the thread, and nothing stops it: its stack is read where it lies, from the runtime's own marks (Frames, which every call into native code leaves) outwards. Visiting a parked fiber to
/// let it capture its own stack was rejected: inside a wait of the runtime its thread is registered as a waiter, and a wait nested in that one (for a collection, say) uses the same per-thread record and can lose
/// the wake-up. Whoever calls must make sure that the thread stood still from before the first read until after the last.
/// </remarks>
internal sealed class StackWalker
{
    private const int MaxFrames = 500;
    private const nint Top = -1; // the outermost Frame

    private readonly RuntimeContract _contract;
    private readonly CodeMap _code;
    private readonly StackWindow _stack = new();
    private readonly Unwinder _unwinder;
    private readonly ulong _inlinedCall;
    private readonly ulong[] _transitions;

    public StackWalker(RuntimeContract contract)
    {
        _contract = contract;
        _code = new CodeMap(contract);
        _unwinder = new Unwinder(_stack);
        _inlinedCall = contract.Number("InlinedCallFrameIdentifier");
        _transitions =
        [
            contract.Number("PrestubMethodFrameIdentifier"), contract.Number("CallCountingHelperFrameIdentifier"), contract.Number("StubDispatchFrameIdentifier"),
            contract.Number("ExternalMethodFrameIdentifier"), contract.Number("DynamicHelperFrameIdentifier"), contract.Number("PInvokeCalliFrameIdentifier"),
        ];
    }

    /// <summary>The methods on the stack, innermost first, as the runtime's method descriptors.</summary>
    /// <exception cref="UnreadableException">The thread has moved or gone.</exception>
    public List<nint> Walk(nint thread)
    {
        var methods = new List<nint>();
        _stack.Forget();
        nint frame = ProcessMemory.Pointer(thread + _contract.Offset("Thread", "Frame"));
        while (frame != Top && frame != 0 && methods.Count < MaxFrames)
        {
            nint end = frame;
            if (TryStart(frame, out FrameContext context))
                end = WalkSegment(context, methods);
            nint next = _stack.Pointer(frame + _contract.Offset("Frame", "Next"));
            while (next != Top && next != 0 && next < end)
                next = ProcessMemory.Pointer(next + _contract.Offset("Frame", "Next")); // of a frame we have passed
            if (next != Top && next <= frame)
                throw new UnreadableException(); // they only go outwards
            frame = next;
        }

        return methods;
    }

    // Managed frames without native code between them. Returns how far out it came.
    private nint WalkSegment(FrameContext context, List<nint> methods)
    {
        while (methods.Count < MaxFrames && _code.Find(context.Instruction - 1) is { } block)
        {
            methods.Add(block.MethodDesc);
            FrameContext caller = _unwinder.Step(context, block);
            if (caller.StackPointer <= context.StackPointer)
                throw new UnreadableException();
            context = caller;
        }

        return context.StackPointer;
    }

    private bool TryStart(nint frame, out FrameContext context)
    {
        ulong kind = (ulong)_stack.Pointer(frame);
        context = default;
        if (kind == _inlinedCall)
        {
            nint returns = _stack.Pointer(frame + _contract.Offset("InlinedCallFrame", "CallerReturnAddress"));
            context = new FrameContext(returns, _stack.Pointer(frame + _contract.Offset("InlinedCallFrame", "CallSiteSP")), _stack.Pointer(frame + _contract.Offset("InlinedCallFrame", "CalleeSavedFP")));
            return returns != 0; // else no call is being made
        }

        if (!_transitions.Contains(kind))
            return false;
        nint block = _stack.Pointer(frame + _contract.Offset("FramedMethodFrame", "TransitionBlockPtr"));
        context = new FrameContext(
            ProcessMemory.Pointer(block + _contract.Offset("TransitionBlock", "ReturnAddress")),
            block + _contract.Size("TransitionBlock"),
            ProcessMemory.Pointer(block + _contract.Offset("TransitionBlock", "CalleeSavedRegisters") + _contract.Offset("CalleeSavedRegisters", "Rbp")));
        return true;
    }
}
