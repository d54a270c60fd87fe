using System.Diagnostics.Tracing;
using System.Runtime.InteropServices;
using Fibers.Native;

namespace Fibers.Demos.Swapping;

/// <summary>Names for code addresses: methods from the runtime's own events about what it compiled, C functions from the shim's symbols and the loader, else file and offset.</summary>
internal sealed partial class CodeMap : EventListener
{
    private const EventKeywords Compiled = (EventKeywords)0x10;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly SortedList<ulong, (ulong End, string Name)> _methods = [];
    private readonly List<Mapping> _mappings = [];
    private ElfSymbols? _shim;

    /// <summary>The function that <paramref name="address"/> lies in. Waits for the runtime's events, which come late.</summary>
    public Frame Find(ulong address)
    {
        if (NativeName(address) is { } native)
            return new Frame(native, IsManaged: false);
        if (MappingOf(address) is { File: not "" } file)
            return new Frame($"{file.File}+0x{address - file.Low:x}", IsManaged: file.File.EndsWith(".dll", StringComparison.Ordinal));
        string? name = null;
        SpinWait.SpinUntil(() => (name = Method(address)) is not null, s_patience);
        return name is null ? new Frame($"code at 0x{address:x}", IsManaged: false) : new Frame(name, IsManaged: true);
    }

    /// <summary>The mapping that holds it, as the kernel lists them.</summary>
    public Mapping? MappingOf(ulong address)
    {
        if (_mappings.Count == 0)
            _mappings.AddRange(File.ReadLines("/proc/self/maps").Select(Mapping.Parse));
        return _mappings.Find(mapping => mapping.Low <= address && address < mapping.High);
    }

    protected override void OnEventSourceCreated(EventSource source)
    {
        if (source.Name == "Microsoft-Windows-DotNETRuntime")
            EnableEvents(source, EventLevel.Verbose, Compiled);
    }

    protected override void OnEventWritten(EventWrittenEventArgs e)
    {
        if (e.EventName is not { } name || !name.StartsWith("MethodLoadVerbose", StringComparison.Ordinal))
            return;
        object Field(string field) => e.Payload![e.PayloadNames!.IndexOf(field)]!;
        var start = (ulong)Field("MethodStartAddress");
        lock (_lock)
            _methods[start] = (start + (uint)Field("MethodSize"), NameOf((string)Field("MethodNamespace"), (string)Field("MethodName")));
    }

    private static string NameOf(string type, string method)
    {
        if (method.StartsWith("IL_STUB", StringComparison.Ordinal))
            return "a P/Invoke stub";
        string[] names = type.Split('.')[^1].Split('+');
        return method.StartsWith('<') ? $"a lambda of {names[0]}" : $"{string.Join('.', names)}.{method}";
    }

    private string? Method(ulong address)
    {
        lock (_lock)
        {
            foreach ((ulong start, (ulong end, string name)) in _methods)
            {
                if (start <= address && address < end)
                    return name;
            }
        }

        return null;
    }

    private unsafe string? NativeName(ulong address)
    {
        SymbolInfo info;
        if (dladdr((void*)address, &info) == 0)
            return null;
        string file = Marshal.PtrToStringUTF8((nint)info.File)!;
        return file.EndsWith(Shim.Library, StringComparison.Ordinal) ? (_shim ??= new ElfSymbols(file)).Find(address - (ulong)info.Base)
            : info.Symbol != null ? Marshal.PtrToStringUTF8((nint)info.Symbol) : null;
    }

    [LibraryImport("libc")]
    private static unsafe partial int dladdr(void* address, SymbolInfo* info);

    private unsafe struct SymbolInfo
    {
        public byte* File;
        public void* Base;
        public byte* Symbol;
        public void* Address;
    }
}

/// <summary>A line of /proc/self/maps.</summary>
internal sealed record Mapping(ulong Low, ulong High, string Access, string File)
{
    public static Mapping Parse(string line)
    {
        string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        string[] range = words[0].Split('-');
        string file = words.Length == 6 && words[5].StartsWith('/') && !words[5].StartsWith("/memfd:") ? Path.GetFileName(words[5].Trim()) : "";
        return new Mapping(Convert.ToUInt64(range[0], 16), Convert.ToUInt64(range[1], 16), words[1], file);
    }
}
