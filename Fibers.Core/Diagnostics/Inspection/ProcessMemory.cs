using System.Runtime.InteropServices;

namespace Fibers.Diagnostics.Inspection;

/// <summary>Reads memory of this process that may go away or change while it is read: the kernel copies it, and says so when it is not there. Any thread.</summary>
internal static unsafe partial class ProcessMemory
{
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

    [LibraryImport("libc", EntryPoint = "process_vm_readv")]
    private static partial nint ProcessVmReadV(int process, Vector* local, nuint locals, Vector* remote, nuint remotes, nuint flags);

    private struct Vector
    {
        public nint Base;
        public nuint Length;
    }
}
