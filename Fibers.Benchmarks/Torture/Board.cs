using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Fibers.Benchmarks.Torture;

/// <summary>
/// Where every fiber says what it does: a file mapped by the tortured process and by its supervisor, which can read it
/// even when no managed code in the tortured process moves any more.
/// </summary>
internal sealed unsafe class Board : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _base;

    public Board(string path, int slots)
    {
        Slots = slots;
        long size = (slots + 1L) * sizeof(Slot);
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, size);
        _view = _file.CreateViewAccessor(0, size);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _base);
    }

    public int Slots { get; }

    public Header* Head => (Header*)_base;

    public Slot* this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Slots);
            return (Slot*)_base + index + 1;
        }
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    public enum Phase
    {
        Starting,
        Running,
        Stopping,
        Done,
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    public struct Header
    {
        public Phase Phase;
        public long Generation0;
        public long Generation1;
        public long Generation2;
    }

    /// <summary>One cache line per fiber; only the fiber writes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    public struct Slot
    {
        public long Progress;
        public int Part;
        public Step Step;
        public int Depth;
    }
}
