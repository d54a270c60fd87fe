using System.Runtime.InteropServices;
using System.Text;
using Shouldly;

namespace Fibers.Tests.Blocking;

/// <summary>A fifo whose two ends are opened by native code, and a word with which one end tells the other that it is open (Fibers.Native/tests/redirected_library.c).</summary>
internal sealed unsafe partial class NativeFifo
{
    private const string Library = "libredirected.so";

    // Never freed: should a test fail, a thread may still look at them.
    private readonly byte* _path;
    private readonly int* _said = (int*)NativeMemory.AllocZeroed(sizeof(int));

    public NativeFifo(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path + '\0');
        _path = (byte*)NativeMemory.Alloc((nuint)name.Length);
        name.CopyTo(new Span<byte>(_path, name.Length));
        mkfifo(_path, 0b110_000_000).ShouldBe(0);
        NativeLibrary.Load(Library, typeof(NativeFifo).Assembly, null);
        library_hold_up_collection(_path, _said, 0).ShouldBe(-1, "bound, so that nothing is left to do when it counts");
    }

    /// <summary>Parks a fiber until the other end is opened.</summary>
    public int OpenAndSay() => library_open_and_say(_path, _said);

    /// <summary>As if in managed code, though it blocks: from the moment a collection begins until the other end has been opened.</summary>
    public int HoldUpCollection(int seconds) => library_hold_up_collection(_path, _said, seconds);

    [LibraryImport(Library)]
    private static partial int library_open_and_say(byte* fifo, int* said);

    [LibraryImport(Library), SuppressGCTransition]
    private static partial int library_hold_up_collection(byte* fifo, int* said, int seconds);

    [LibraryImport("libc")]
    private static partial int mkfifo(byte* path, uint mode);
}
