using System.Runtime.InteropServices;

namespace Fibers.Diagnostics.Inspection;

/// <summary>Reads memory of this process that may go away or change while it is read: the kernel copies it, and says so when it is not there. Any thread.</summary>
internal static unsafe partial class ProcessMemory
{
    public const int Page = 4096; // or a part of one
    private const int MaxPages = 4;
    private static readonly int s_process = Environment.ProcessId;

    /// <exception cref="UnreadableException">There is nothing at that address.</exception>
    public static T Read<T>(nint address) where T : unmanaged
    {
        T value;
        var local = new Vector { Base = (nint)(&value), Length = (nuint)sizeof(T) };
        var remote = new Vector { Base = address, Length = (nuint)sizeof(T) };
        return ProcessVmReadV(s_process, &local, 1, &remote, 1, 0) == sizeof(T) ? value : throw new UnreadableException();
    }

    public static nint Pointer(nint address) => Read<nint>(address);

    /// <summary>Up to as many bytes as fit, but no further than the memory goes; returns how many.</summary>
    public static int ReadPages(nint address, Span<byte> into)
    {
        Span<Vector> pages = stackalloc Vector[MaxPages];
        int count = 0;
        for (int done = 0; done < into.Length && count < MaxPages; count++)
        {
            int length = Math.Min(into.Length - done, Page - (int)((address + done) & (Page - 1)));
            pages[count] = new Vector { Base = address + done, Length = (nuint)length }; // what is split here may come in part
            done += length;
        }

        fixed (byte* start = into)
        fixed (Vector* remote = pages)
        {
            var local = new Vector { Base = (nint)start, Length = (nuint)into.Length };
            return (int)Math.Max(0, ProcessVmReadV(s_process, &local, 1, remote, (nuint)count, 0));
        }
    }

    [LibraryImport("libc", EntryPoint = "process_vm_readv")]
    private static partial nint ProcessVmReadV(int process, Vector* local, nuint locals, Vector* remote, nuint remotes, nuint flags);

    private struct Vector
    {
        public nint Base;
        public nuint Length;
    }
}
