using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Fibers.VirtualThreads;

/// <summary>
/// The one field of the runtime's native thread object that parking must read: whether the thread is in managed code
/// (cooperative mode). Its offset is published by the runtime itself, in the contract descriptor that debuggers use.
/// </summary>
internal static unsafe class RuntimeThread
{
    private static int s_cooperativeOffset = -1;

    /// <summary>Any thread; once. Returns null, or why the field cannot be found.</summary>
    public static string? Start()
    {
        nint descriptor = FindDescriptor();
        if (descriptor == 0)
            return "the .NET runtime does not export its contract descriptor";
        // struct { uint64 magic; uint32 flags; uint32 descriptor_size; char *descriptor; ... }
        uint size = *(uint*)(descriptor + 12);
        byte* json = *(byte**)(descriptor + 16);
        try
        {
            using JsonDocument document = JsonDocument.Parse(new ReadOnlySpan<byte>(json, (int)size).ToArray(), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip });
            JsonElement offset = document.RootElement.GetProperty("types").GetProperty("Thread").GetProperty("PreemptiveGCDisabled");
            s_cooperativeOffset = offset.ValueKind == JsonValueKind.Array ? offset[0].GetInt32() : offset.GetInt32();
            return NativePointer(Thread.CurrentThread) == 0 ? "the runtime's native thread object cannot be found" : null;
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return $"the runtime's contract descriptor does not say where Thread.PreemptiveGCDisabled is ({exception.Message})";
        }
        catch (MissingFieldException exception)
        {
            return $"the runtime's native thread object cannot be found ({exception.Message})";
        }
    }

    /// <summary>Any thread. Non-zero while <paramref name="thread"/> runs managed code.</summary>
    public static uint* CooperativeFlag(Thread thread) => (uint*)(NativePointer(thread) + s_cooperativeOffset);

    /// <summary>Any thread. The address of the contract descriptor, or 0.</summary>
    public static nint FindDescriptor()
    {
        const string symbol = "DotNetRuntimeContractDescriptor";
        string runtime = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libcoreclr.so");
        if (File.Exists(runtime) && NativeLibrary.TryLoad(runtime, out nint library) && NativeLibrary.TryGetExport(library, symbol, out nint address))
            return address;
        // Single-file: the runtime is the main program.
        return NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), symbol, out address) ? address : 0;
    }

    /// <summary>Any thread. The runtime's native thread object.</summary>
    public static nint NativePointer(Thread thread) => InternalThread(thread);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_DONT_USE_InternalThread")]
    private static extern ref nint InternalThread(Thread thread);
}
