using System.Runtime.InteropServices;
using Shouldly;

namespace Fibers.Tests.Support;

/// <summary>Takes from this process what the kernel counts, until disposed. For child processes: nothing else would work there either.</summary>
internal static partial class ProcessLimits
{
    private const int MaxThreads = 6;      // RLIMIT_NPROC
    private const int MaxDescriptors = 7;  // RLIMIT_NOFILE
    private const uint SomebodyElse = 54321; // of whom there is no other process

    /// <summary>No kernel thread can be started. Call <see cref="ObeyThreadLimit"/> first of all.</summary>
    public static IDisposable NoMoreThreads() => OnlyThreads(1);

    /// <summary>Only so many in all. As <see cref="NoMoreThreads"/>.</summary>
    public static IDisposable OnlyThreads(int count) => new Lowered(MaxThreads, (ulong)count);

    /// <summary>No file can be opened.</summary>
    public static IDisposable NoMoreDescriptors() => new Lowered(MaxDescriptors, 0);

    /// <summary>The limit of threads is not for root: the calling thread, and those that it starts from now on, belong to somebody else.</summary>
    public static void ObeyThreadLimit()
    {
        if (Environment.IsPrivilegedProcess)
            SetUsers(SomebodyElse, SomebodyElse, SomebodyElse).ShouldBe(0);
    }

    private sealed class Lowered : IDisposable
    {
        private readonly int _resource;
        private readonly Limit _before;

        public Lowered(int resource, ulong limit)
        {
            _resource = resource;
            GetLimit(resource, out _before).ShouldBe(0);
            Set(_before with { Soft = limit });
        }

        public void Dispose() => Set(_before);

        private void Set(Limit limit) => SetLimit(_resource, in limit).ShouldBe(0);
    }

    private record struct Limit(ulong Soft, ulong Hard);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limit limit);

    [LibraryImport("libc", EntryPoint = "setresuid")]
    private static partial int SetUsers(uint real, uint effective, uint saved);
}
