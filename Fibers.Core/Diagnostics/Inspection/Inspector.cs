using Fibers.VirtualThreads;

namespace Fibers.Diagnostics.Inspection;

/// <summary>Looks into threads that stand still: stacks, and the locks they wait for. Made at the first dump, when a self-test has shown that this runtime is as we think; otherwise dumps say why not.</summary>
internal sealed class Inspector
{
    private static readonly Lazy<(Inspector? Inspector, string? Reason)> s_made = new(Make, LazyThreadSafetyMode.PublicationOnly); // no lock: a fiber that makes it parks meanwhile
    private readonly RuntimeContract _contract;

    private Inspector(RuntimeContract contract)
    {
        _contract = contract;
        Locks = LockReader.Make(contract);
        Threads = new ThreadFinder(contract);
    }

    /// <summary>Null: see <see cref="Reason"/>.</summary>
    public static Inspector? Current => s_made.Value.Inspector;

    /// <summary>Why there is none; null when there is.</summary>
    public static string? Reason => s_made.Value.Reason;

    public LockReader Locks { get; }

    public ThreadFinder Threads { get; }

    /// <summary>For one dump.</summary>
    public (StackWalker Walker, MethodNames Names) Begin() => (new StackWalker(_contract), new MethodNames(_contract));

    private static (Inspector? Inspector, string? Reason) Make()
    {
        try
        {
            if (!OperatingSystem.IsLinux())
                return (null, "stacks and lock owners are only known on Linux");
            var inspector = new Inspector(RuntimeContract.Load());
            return InspectorSelfTest.Run(inspector) is { } wrong ? (null, wrong) : (inspector, null);
        }
        catch (Exception exception) when (exception is NotSupportedException or MissingMemberException or UnreadableException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return (null, exception.Message);
        }
    }
}
