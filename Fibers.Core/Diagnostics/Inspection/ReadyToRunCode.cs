namespace Fibers.Diagnostics.Inspection;

/// <summary>The precompiled code of one module: a sorted table of functions, and a hash table from entry points to methods.</summary>
internal sealed class ReadyToRunCode(RuntimeContract contract, nint module, nint image)
{
    private const int MaxHandlers = 1000; // functions of one method: its handlers come after it

    public CodeBlock? Find(nint address)
    {
        nint info = ProcessMemory.Pointer(module + contract.Offset("Module", "ReadyToRunInfo"));
        nint functions = ProcessMemory.Pointer(info + contract.Offset("ReadyToRunInfo", "RuntimeFunctions"));
        int count = ProcessMemory.Read<int>(info + contract.Offset("ReadyToRunInfo", "NumRuntimeFunctions"));
        int stride = contract.Size("RuntimeFunction");
        int begin = contract.Offset("RuntimeFunction", "BeginAddress");
        int index = Search((uint)(address - image), count, i => ProcessMemory.Read<uint>(functions + i * stride + begin));
        nint methods = ProcessMemory.Pointer(info + contract.Offset("ReadyToRunInfo", "CompositeInfo")) + contract.Offset("ReadyToRunInfo", "EntryPointToMethodDescMap");
        for (int tries = 0; index >= 0 && tries < MaxHandlers; index--, tries++)
        {
            nint function = functions + index * stride;
            nint method = Lookup(methods, image + (nint)ProcessMemory.Read<uint>(function + begin));
            if (method != 0)
                return new CodeBlock(method, image + (nint)ProcessMemory.Read<uint>(function + contract.Offset("RuntimeFunction", "UnwindData")), InHandler: tries > 0);
        }

        return null;
    }

    // The last one that begins at or before the address; -1: none.
    private static int Search(uint address, int count, Func<int, uint> beginOf)
    {
        int low = 0, high = count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (beginOf(middle) <= address)
                low = middle + 1;
            else
                high = middle;
        }

        return low - 1;
    }

    // Open addressing in buckets of a few slots; the highest bit of a bucket's first value says that others went on from there.
    private nint Lookup(nint map, nint entryPoint)
    {
        nint buckets = ProcessMemory.Pointer(map + contract.Offset("HashMap", "Buckets"));
        uint size = ProcessMemory.Read<uint>(buckets);
        int stride = contract.Size("Bucket"), keys = contract.Offset("Bucket", "Keys"), values = contract.Offset("Bucket", "Values");
        int slots = (int)contract.Number("HashMapSlotsPerBucket");
        ulong mask = contract.Number("HashMapValueMask");
        if (size < 2)
            return 0;
        uint seed = (uint)((ulong)entryPoint >> 2);
        uint step = 1 + ((uint)((ulong)entryPoint >> 5) + 1) % (size - 1);
        for (uint i = 0; i < size; i++, seed += step)
        {
            nint bucket = buckets + stride + (nint)(seed % size) * stride; // the first place holds the size
            for (int slot = 0; slot < slots; slot++)
                if (ProcessMemory.Pointer(bucket + keys + slot * nint.Size) == entryPoint)
                    return (nint)((ProcessMemory.Read<ulong>(bucket + values + slot * nint.Size) & mask) << 1);
            if ((ProcessMemory.Read<ulong>(bucket + values) & ~mask) == 0)
                return 0;
        }

        return 0;
    }
}
