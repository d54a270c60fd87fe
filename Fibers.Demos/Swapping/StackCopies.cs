using Fibers.Native;

namespace Fibers.Demos.Swapping;

/// <summary>One stack as each step found it: the words from <c>low</c> upwards.</summary>
internal sealed unsafe class StackCopies(ulong* memory, ulong low, ulong words, ulong offset)
{
    private const int Shown = 16; // the saved context, and the frames that called the switch

    public bool Holds(ulong address) => address - low < words * sizeof(ulong);

    public ulong Word(NativeStep* step, ulong address) => memory[step->Memory + offset + (address - low) / sizeof(ulong)];

    public IReadOnlyList<Slot> Slots(NativeStep* step, NativeStep* before, ulong stackPointer, ulong? stored, StackNames names)
    {
        var slots = new List<Slot>();
        for (int i = 0; i < Math.Min(Shown, (int)words); i++)
        {
            ulong address = low + (ulong)i * sizeof(ulong), value = Word(step, address);
            bool live = address >= stackPointer;
            slots.Add(new Slot(address, value, live ? names.Of(address) : "free", live, address == stored || (before != null && value != Word(before, address))));
        }

        return slots;
    }
}
