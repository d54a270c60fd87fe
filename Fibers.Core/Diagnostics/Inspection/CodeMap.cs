namespace Fibers.Diagnostics.Inspection;

/// <summary>A compiled method. <paramref name="UnwindInfo"/>: how its main function keeps its frame. <paramref name="InHandler"/>: the address is in a catch or finally block, which is a function of its own.</summary>
internal readonly record struct CodeBlock(nint MethodDesc, nint UnwindInfo, bool InHandler);

/// <summary>From a code address to the method it belongs to: the runtime's contract "ExecutionManager", version 2. Use one for one dump: code may be freed and its place reused.</summary>
internal sealed class CodeMap(RuntimeContract contract)
{
    private const int Levels = 5;            // of the map of ranges, 256 entries each
    private const int ChunkBits = 17;        // addresses a leaf entry covers
    private const int BucketSize = 32;       // bytes of code per nibble
    private const int NibblesPerUnit = 8;

    private readonly Dictionary<nint, CodeBlock?> _known = [];
    private readonly nint _ranges = contract.Address("ExecutionManagerCodeRangeMapAddress") + contract.Offset("RangeSectionMap", "TopLevelData");
    private readonly ulong _lastStub = contract.Number("StubCodeBlockLast");

    /// <summary>Null: no managed method.</summary>
    /// <exception cref="UnreadableException">The map changed meanwhile.</exception>
    public CodeBlock? Find(nint address)
    {
        if (!_known.TryGetValue(address, out CodeBlock? block))
            _known[address] = block = Look(address);
        return block;
    }

    private CodeBlock? Look(nint address)
    {
        nint range = FindRange(address);
        if (range == 0)
            return null;
        nint start = ProcessMemory.Pointer(range + contract.Offset("RangeSection", "RangeBegin"));
        nint module = ProcessMemory.Pointer(range + contract.Offset("RangeSection", "R2RModule"));
        if (module != 0)
            return new ReadyToRunCode(contract, module, start).Find(address);
        nint heap = ProcessMemory.Pointer(range + contract.Offset("RangeSection", "HeapList"));
        return heap == 0 ? null : FindCompiled(heap, start, address);
    }

    private nint FindRange(nint address)
    {
        nint level = _ranges;
        for (int i = Levels - 1; i >= 0; i--)
        {
            level = ProcessMemory.Pointer(level + (int)(((ulong)address >> (ChunkBits + i * 8)) & 0xff) * nint.Size) & ~(nint)1;
            if (level == 0)
                return 0;
        }

        for (nint fragment = level; fragment != 0; fragment = ProcessMemory.Pointer(fragment + contract.Offset("RangeSectionFragment", "Next")) & ~(nint)1)
            if (address >= ProcessMemory.Pointer(fragment + contract.Offset("RangeSectionFragment", "RangeBegin")) && address < ProcessMemory.Pointer(fragment + contract.Offset("RangeSectionFragment", "RangeEndOpen")))
                return ProcessMemory.Pointer(fragment + contract.Offset("RangeSectionFragment", "RangeSection"));
        return 0;
    }

    private CodeBlock? FindCompiled(nint heap, nint rangeStart, nint address)
    {
        nint start = FindStart(heap, address);
        if (start == 0)
            return null;
        nint header = ProcessMemory.Pointer(start - nint.Size);
        if ((ulong)header <= _lastStub || ProcessMemory.Read<int>(header + contract.Offset("RealCodeHeader", "NumUnwindInfos")) == 0)
            return null;
        nint mainFunction = header + contract.Offset("RealCodeHeader", "UnwindInfos"); // the first; others are its handlers
        uint unwind = ProcessMemory.Read<uint>(mainFunction + contract.Offset("RuntimeFunction", "UnwindData"));
        bool handler = address >= rangeStart + (nint)ProcessMemory.Read<uint>(mainFunction + contract.Offset("RuntimeFunction", "EndAddress"));
        return new CodeBlock(ProcessMemory.Pointer(header + contract.Offset("RealCodeHeader", "MethodDesc")), rangeStart + (nint)unwind, handler);
    }

    // The nibble map: per 32 bytes of code, where in them a method begins, or (values above 8, in a whole unit) a pointer back to the beginning.
    private nint FindStart(nint heap, nint address)
    {
        nint mapBase = ProcessMemory.Pointer(heap + contract.Offset("CodeHeapListNode", "MapBase"));
        nint map = ProcessMemory.Pointer(heap + contract.Offset("CodeHeapListNode", "HeaderMap"));
        if (address < mapBase)
            return 0;
        long bucket = (address - mapBase) / BucketSize;
        uint place = (uint)((address - mapBase) % BucketSize / 4) + 1;
        uint unit = Unit(map, bucket);
        if ((unit & 0xf) > 8)
            return Decode(mapBase, unit);
        uint nibble = Nibble(unit, bucket);
        if (nibble != 0 && nibble <= place)
            return mapBase + (nint)bucket * BucketSize + (nint)(nibble - 1) * 4;
        // Backwards through this unit, then the one before.
        long first = bucket / NibblesPerUnit * NibblesPerUnit;
        for (long other = bucket - 1; other >= 0 && other >= first - NibblesPerUnit; other--)
        {
            if (other == first - 1)
            {
                unit = Unit(map, other);
                if ((unit & 0xf) > 8)
                    return Decode(mapBase, unit);
            }

            nibble = Nibble(unit, other);
            if (nibble != 0)
                return mapBase + (nint)other * BucketSize + (nint)(nibble - 1) * 4;
        }

        return 0;
    }

    private static uint Unit(nint map, long bucket) => ProcessMemory.Read<uint>(map + (nint)(bucket / NibblesPerUnit) * sizeof(uint));

    private static uint Nibble(uint unit, long bucket) => (unit >> (28 - (int)(bucket % NibblesPerUnit) * 4)) & 0xf;

    private static nint Decode(nint mapBase, uint unit) => mapBase + (nint)((unit & ~0xfu) + (((unit & 0xf) - 9) << 2));
}
