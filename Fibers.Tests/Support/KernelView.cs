namespace Fibers.Tests.Support;

/// <summary>What the kernel says about this process.</summary>
internal static class KernelView
{
    public static int Threads() => Directory.GetDirectories("/proc/self/task").Length;

    public static int Mappings() => File.ReadLines("/proc/self/maps").Count();

    /// <summary>Bytes of memory in use.</summary>
    public static long Resident() => File.ReadLines("/proc/self/smaps_rollup").First(static line => line.StartsWith("Rss:", StringComparison.Ordinal)) is { } line
        ? long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024
        : 0;

    public static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}
