using Fibers.Native;

namespace Fibers.Demos.Swapping;

/// <summary>What each slot of one stack is: saved by the switch, or part of a frame, which the chain of saved frame pointers leads to.</summary>
internal sealed unsafe class StackNames(CodeMap code)
{
    private readonly Dictionary<ulong, string> _saved = [];
    private readonly List<(ulong Low, ulong High, string Function)> _frames = [];

    /// <summary>Innermost first: whoever called the switch, its caller, and so on.</summary>
    public List<Frame> Frames { get; } = [];

    public void NameSaved(IEnumerable<(ulong Address, string Name)> slots)
    {
        foreach ((ulong address, string name) in slots)
            _saved[address] = name;
    }

    /// <param name="step">Where the words are taken from.</param>
    /// <param name="returnAddress">Where the switch's own return address lies.</param>
    /// <param name="framePointer">That of the function it returns into.</param>
    public void NameFrames(StackCopies stack, NativeStep* step, ulong returnAddress, ulong framePointer)
    {
        while (stack.Holds(returnAddress))
        {
            Frame frame = code.Find(stack.Word(step, returnAddress));
            Frames.Add(frame);
            _saved[returnAddress] = $"return address into {frame.Name}";
            if (framePointer <= returnAddress || !stack.Holds(framePointer + sizeof(ulong)))
                break;
            _frames.Add((returnAddress + sizeof(ulong), framePointer, frame.Name));
            _saved[framePointer] = "saved rbp of its caller";
            returnAddress = framePointer + sizeof(ulong);
            framePointer = stack.Word(step, framePointer);
        }
    }

    public string Of(ulong address) =>
        _saved.TryGetValue(address, out string? name) ? name
        : _frames.Find(frame => frame.Low <= address && address < frame.High) is { Function: { } function } ? $"frame of {function}" : "";
}
