using System.Runtime.CompilerServices;

namespace Fibers.Diagnostics.Inspection;

/// <summary>Reads a stack from the inside out, some pages at a time: one call of the kernel for many frames. One thread, one walk.</summary>
internal sealed class StackWindow
{
    private readonly byte[] _bytes = new byte[3 * ProcessMemory.Page];
    private nint _start;
    private int _length;

    /// <summary>What was read belongs to another walk.</summary>
    public void Forget() => _length = 0;

    /// <exception cref="UnreadableException">There is nothing at that address.</exception>
    public nint Pointer(nint address)
    {
        if (address < _start || address - _start > _length - nint.Size)
        {
            _length = ProcessMemory.ReadPages(address, _bytes);
            _start = address;
            if (_length < nint.Size)
                throw new UnreadableException();
        }

        return Unsafe.ReadUnaligned<nint>(ref _bytes[address - _start]);
    }
}
