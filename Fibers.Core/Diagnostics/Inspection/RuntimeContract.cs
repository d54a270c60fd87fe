using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Inspection;

/// <summary>What the runtime says of its own structures: the contract descriptor it exports for debuggers, with offsets, sizes and the addresses of globals.</summary>
internal sealed unsafe class RuntimeContract
{
    private static readonly Dictionary<string, int> s_known = new() { ["ExecutionManager"] = 2, ["Thread"] = 1, ["StackWalk"] = 1, ["RuntimeTypeSystem"] = 1 };

    private readonly ConcurrentDictionary<(string Type, string Field), int> _offsets = new(); // looking in the descriptor is slow
    private readonly ConcurrentDictionary<string, ulong> _numbers = new();
    private readonly JsonElement _types;
    private readonly JsonElement _globals;
    private readonly nint* _pointers;

    private RuntimeContract(JsonElement root, nint* pointers)
    {
        _types = root.GetProperty("types");
        _globals = root.GetProperty("globals");
        _pointers = pointers;
        foreach ((string contract, int version) in s_known)
            if (!root.GetProperty("contracts").TryGetProperty(contract, out JsonElement found) || found.GetInt32() != version)
                throw new NotSupportedException($"this runtime's contract {contract} is not version {version}");
    }

    /// <exception cref="NotSupportedException">There is none, or another version of it.</exception>
    public static RuntimeContract Load()
    {
        nint descriptor = RuntimeThread.FindDescriptor();
        if (descriptor == 0)
            throw new NotSupportedException("the .NET runtime does not export its contract descriptor");
        // struct { uint64 magic; uint32 flags; uint32 size; char *json; uint32 pointers; uint32 pad; void **pointer_data; }
        int size = (int)*(uint*)(descriptor + 12);
        using JsonDocument document = JsonDocument.Parse(new ReadOnlySpan<byte>(*(byte**)(descriptor + 16), size).ToArray(), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip });
        return new RuntimeContract(document.RootElement.Clone(), *(nint**)(descriptor + 32));
    }

    public int Offset(string type, string field) => _offsets.GetOrAdd((type, field), Find);

    private int Find((string Type, string Field) what)
    {
        (string type, string field) = what;
        if (!_types.TryGetProperty(type, out JsonElement fields) || !fields.TryGetProperty(field, out JsonElement offset))
            throw new NotSupportedException($"this runtime does not say where {type}.{field} is");
        return offset.ValueKind == JsonValueKind.Array ? offset[0].GetInt32() : offset.GetInt32();
    }

    public int Size(string type) => Offset(type, "!");

    /// <summary>The address of a global, from the table of pointers.</summary>
    public nint Address(string global)
    {
        JsonElement value = Global(global);
        return value.ValueKind == JsonValueKind.Array && value[0].ValueKind == JsonValueKind.Number ? _pointers[value[0].GetInt32()] : throw new NotSupportedException($"the runtime's {global} has no address");
    }

    public ulong Number(string global) => _numbers.GetOrAdd(global, FindNumber);

    private ulong FindNumber(string global)
    {
        JsonElement value = Global(global);
        string text = (value.ValueKind == JsonValueKind.Array ? value[0] : value).GetString()!;
        return text.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) : ulong.Parse(text, CultureInfo.InvariantCulture);
    }

    private JsonElement Global(string name)
    {
        if (!_globals.TryGetProperty(name, out JsonElement value))
            throw new NotSupportedException($"this runtime does not publish {name}");
        // An indirect value is [[index], type]; a direct one ["0x10", type].
        return value.ValueKind == JsonValueKind.Array && value[0].ValueKind == JsonValueKind.Array ? value[0] : value;
    }
}
