namespace Fibers.Tests.Support;

/// <summary>What the kernel says about this process.</summary>
internal static class KernelView
{
    public static int Threads() => Tasks().Count;

    /// <summary>A folder for each kernel thread.</summary>
    public static HashSet<string> Tasks() => [.. Directory.GetDirectories("/proc/self/task")];

    /// <summary>How many of each name, for people.</summary>
    public static string Names(IEnumerable<string> tasks) => string.Join(", ", tasks
        .Select(static task => Line(task, "comm"))
        .CountBy(static name => name)
        .Select(static group => $"{group.Value} x {group.Key}"));

    /// <summary>A one-line file of a task; "gone" when it ended while we looked.</summary>
    public static string Line(string task, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, file)).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "gone";
        }
    }

    public static int Mappings() => File.ReadLines("/proc/self/maps").Count();

    /// <summary>Bytes of memory in use.</summary>
    public static long Resident() => File.ReadLines("/proc/self/smaps_rollup").First(static line => line.StartsWith("Rss:", StringComparison.Ordinal)) is { } line
        ? long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024
        : 0;

    public static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    /// <summary>Open descriptors of the kinds that tests make: what the runtime opens for itself meanwhile is of others.</summary>
    public static int SocketsAndPipes() => new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
        .Count(static link => link.LinkTarget is { } target && (target.StartsWith("socket:", StringComparison.Ordinal) || target.StartsWith("pipe:", StringComparison.Ordinal)));
}
