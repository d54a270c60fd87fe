using System.Globalization;

namespace Fibers.Benchmarks.Scale;

/// <summary>What this process has resident, by part, in bytes, right after a full collection that gives back what it can.</summary>
/// <param name="Resident">All of it: Rss of /proc/self/smaps_rollup.</param>
/// <param name="Stacks">Of that, the mappings that hold the stacks: Rss in /proc/self/smaps of every mapping with one of the given addresses in it.</param>
/// <param name="ManagedHeap">Of that, what the collector has committed.</param>
/// <param name="PageTables">Beside it: VmPTE of /proc/self/status.</param>
/// <param name="KernelThreads">Threads of /proc/self/status: a count. Each has a stack of its own in the kernel too, which Rss does not show.</param>
internal readonly record struct MemoryUse(long Resident, long Stacks, long ManagedHeap, long PageTables, long KernelThreads)
{
    private const long Kilobyte = 1024;

    /// <summary>Without a collection.</summary>
    public static long ResidentNow => Line("/proc/self/smaps_rollup", "Rss:");

    public static MemoryUse Take(IEnumerable<nint> stackAddresses)
    {
        ulong[] addresses = [.. stackAddresses.Where(static address => address != 0).Select(static address => (ulong)address).Order()];
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return new MemoryUse(
            ResidentNow,
            addresses.Length == 0 ? 0 : StackMappings(addresses),
            GC.GetGCMemoryInfo().TotalCommittedBytes,
            Line("/proc/self/status", "VmPTE:"),
            Number("/proc/self/status", "Threads:"));
    }

    public static MemoryUse operator -(MemoryUse after, MemoryUse before) => new(after.Resident - before.Resident, after.Stacks - before.Stacks,
        after.ManagedHeap - before.ManagedHeap, after.PageTables - before.PageTables, after.KernelThreads - before.KernelThreads);

    private static long StackMappings(ulong[] addresses)
    {
        long sum = 0;
        bool counts = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.StartsWith("Rss:", StringComparison.Ordinal))
                sum += counts ? Second(line) * Kilobyte : 0;
            else if (Range(line) is var (low, high))
                counts = IsAnyIn(addresses, low, high);
        }

        return sum;
    }

    // The first line of a mapping: "7f0c00000000-7f0c10000000 rw-p ...".
    private static (ulong Low, ulong High)? Range(string line)
    {
        int dash = line.IndexOf('-'), space = line.IndexOf(' ');
        return dash > 0 && dash < space && ulong.TryParse(line.AsSpan(0, dash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong low)
            ? (low, ulong.Parse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
            : null;
    }

    private static bool IsAnyIn(ulong[] sorted, ulong low, ulong high)
    {
        int index = Array.BinarySearch(sorted, low);
        index = index < 0 ? ~index : index;
        return index < sorted.Length && sorted[index] < high;
    }

    private static long Line(string file, string name) => Number(file, name) * Kilobyte;

    private static long Number(string file, string name) => Second(File.ReadLines(file).First(line => line.StartsWith(name, StringComparison.Ordinal)));

    private static long Second(string line) => long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
