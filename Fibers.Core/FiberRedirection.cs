namespace Fibers;

/// <summary>
/// Which native libraries' blocking calls park fibers (Native). All do by default, those loaded later too, but for the C library and its loader. What is said here holds for the whole process and must be
/// said before its first native runtime starts. .NET's own calls park whatever is said.
/// </summary>
/// <remarks>
/// A library is named by its file's name, or the part of it before any dot: <c>libpq</c>, <c>libpq.so.5</c>. The environment adds to it: <c>FIBERS_REDIRECT_ONLY</c> and <c>FIBERS_REDIRECT_EXCLUDE</c>,
/// with commas between names.
/// </remarks>
public static class FiberRedirection
{
    private const char Separator = ',';

    private static readonly Lock s_lock = new();
    private static readonly List<string> s_only = [], s_excluded = [];
    private static bool s_decided;

    /// <summary>
    /// Leaves libraries alone: their blocking calls block the kernel thread instead of parking the fiber, and the watchdog puts a spare carrier beside it. For what counts on staying on one kernel thread
    /// from one call to the next.
    /// </summary>
    /// <exception cref="ArgumentException">A name is empty, or holds a comma or a slash.</exception>
    /// <exception cref="InvalidOperationException">A native runtime has started already.</exception>
    public static void Exclude(params string[] libraries) => Add(s_excluded, libraries);

    /// <summary>The blocking calls of these libraries park fibers, and of no others; but an excluded one is left alone all the same.</summary>
    /// <exception cref="ArgumentException">A name is empty, or holds a comma or a slash.</exception>
    /// <exception cref="InvalidOperationException">A native runtime has started already.</exception>
    public static void Only(params string[] libraries) => Add(s_only, libraries);

    /// <summary>From here nothing can be added. Both as the shim wants them; <c>only</c> null: all.</summary>
    internal static (string? Only, string Excluded) Decide()
    {
        lock (s_lock)
        {
            s_decided = true;
            string only = Joined(s_only, "FIBERS_REDIRECT_ONLY");
            return (only.Length == 0 ? null : only, Joined(s_excluded, "FIBERS_REDIRECT_EXCLUDE"));
        }
    }

    private static void Add(List<string> list, string[] libraries)
    {
        ArgumentNullException.ThrowIfNull(libraries);
        foreach (string library in libraries)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(library, nameof(libraries));
            if (library.AsSpan().ContainsAny(Separator, '/'))
                throw new ArgumentException($"'{library}' is not the name of a file.", nameof(libraries));
        }

        lock (s_lock)
        {
            if (s_decided)
                throw new InvalidOperationException("A native runtime has started: the blocking calls of native libraries are redirected already.");
            list.AddRange(libraries);
        }
    }

    private static string Joined(List<string> names, string variable) => string.Join(Separator,
        names.Concat((Environment.GetEnvironmentVariable(variable) ?? "").Split(Separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
}
