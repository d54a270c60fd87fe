using System.Runtime.InteropServices;

namespace Fibers.Benchmarks.Scale;

/// <summary>The part at the top of every stack that is not stack: the C library's thread control block and the modules' static thread-locals.</summary>
internal static unsafe partial class ThreadBlock
{
    private const int AttributesSize = 64; // sizeof(pthread_attr_t) is 56 on x64
    private const int ThreadLocalsWord = 7; // of struct dl_phdr_info: dlpi_tls_data, this thread's block of the module
    private static readonly ulong s_page = (ulong)Environment.SystemPageSize;

    /// <summary>Its bytes: from the lowest module's block below the thread pointer to the end of the control block. The same for every thread but the first, so that of a new one is measured.</summary>
    public static long Measure()
    {
        long bytes = 0;
        var thread = new Thread(() => bytes = OfThisThread());
        thread.Start();
        thread.Join();
        return bytes;
    }

    private static long OfThisThread()
    {
        var search = new Search { ThreadPointer = (ulong)pthread_self(), Lowest = (ulong)pthread_self() };
        _ = dl_iterate_phdr(&Visit, &search);
        return (long)(StackTop() - search.Lowest);
    }

    // Static blocks lie below the thread pointer on this stack; those of modules loaded late are elsewhere and are the heap's.
    [UnmanagedCallersOnly]
    private static int Visit(void** module, nuint size, void* argument)
    {
        var search = (Search*)argument;
        ulong data = (ulong)module[ThreadLocalsWord];
        if (data != 0 && data < search->ThreadPointer && search->ThreadPointer - data < 16 * s_page)
            search->Lowest = Math.Min(search->Lowest, data);
        return 0;
    }

    private static ulong StackTop()
    {
        byte* attributes = stackalloc byte[AttributesSize];
        void* low;
        nuint size;
        if (pthread_getattr_np(pthread_self(), attributes) != 0 || pthread_attr_getstack(attributes, &low, &size) != 0)
            throw new InvalidOperationException("The C library does not tell where this thread's stack is.");
        _ = pthread_attr_destroy(attributes);
        return (ulong)low + size;
    }

    private struct Search
    {
        public ulong ThreadPointer;
        public ulong Lowest;
    }

    [LibraryImport("libc")]
    private static partial nint pthread_self();

    [LibraryImport("libc")]
    private static partial int pthread_getattr_np(nint thread, void* attributes);

    [LibraryImport("libc")]
    private static partial int pthread_attr_getstack(void* attributes, void** low, nuint* size);

    [LibraryImport("libc")]
    private static partial int pthread_attr_destroy(void* attributes);

    [LibraryImport("libc")]
    private static partial int dl_iterate_phdr(delegate* unmanaged<void**, nuint, void*, int> visit, void* argument);
}
