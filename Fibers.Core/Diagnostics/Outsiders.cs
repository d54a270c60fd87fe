using System.Runtime.InteropServices;
using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers.Diagnostics;

/// <summary>Whoever might still wake a fiber and is no party to a suspected deadlock: timers, the thread pool, other runtimes, any thread that is not known to be harmless.</summary>
/// <remarks>
/// A channel's reference can be anywhere, so nothing short of "no other code can run in this process" will do; that is also Go's rule. Programs that do other things besides
/// promise with <see cref="FiberRuntimeOptions.SelfContained"/> that those wake no fiber. A finalizer is not thought of: nothing of the parties' allocates any more.
/// </remarks>
internal static partial class Outsiders
{
    // The console starts it. It runs the handlers of signals, and of children that end.
    private const string SignalThread = ".NET SigHandler";

    // Names as the kernel has them, cut to 15 characters. A thread has its maker's name until it gets its own, so each name counts only as often as it is due.
    private static readonly string[] s_harmless =
        [".NET SynchManag", ".NET EventPipe", ".NET DebugPipe", ".NET Debugger", ".NET Finalizer", ".NET Tiered Com", ".NET TP Gate", ".NET Timer", SignalThread];

    /// <summary>Any ordinary thread.</summary>
    public static bool Any(FiberRuntime runtime, IEnumerable<Parker> parties)
    {
        if (!OperatingSystem.IsLinux() || Timer.ActiveCount > 0 || IsThreadPoolBusy() || Scheduler.IsAnyOtherLive(runtime))
            return true;
        HashSet<int> known = [.. parties.OfType<ThreadParker>().Select(static party => party.KernelId), KernelId()];
        int schedulers = Scheduler.Count(known);
        var due = s_harmless.ToDictionary(static name => name, static _ => 1);
        due[".NET TP Worker"] = ThreadPool.ThreadCount; // idle
        due["fiber watchdog"] = due["fiber rescue"] = schedulers;
        try
        {
            return Directory.GetDirectories("/proc/self/task").Any(task => !known.Contains(int.Parse(Path.GetFileName(task), System.Globalization.CultureInfo.InvariantCulture)) && !IsHarmless(task, due));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return true; // one ended while we looked: what it did last may show only now. Or there is no descriptor left to look with
        }
    }

    /// <summary>Any ordinary thread. As the kernel knows it; 0 where there is no such thing.</summary>
    public static int KernelId() => OperatingSystem.IsLinux() ? GetTid() : 0;

    private static bool IsThreadPoolBusy()
    {
        ThreadPool.GetMaxThreads(out int most, out _);
        ThreadPool.GetAvailableThreads(out int idle, out _);
        return ThreadPool.PendingWorkItemCount > 0 || idle < most;
    }

    private static bool IsHarmless(string task, Dictionary<string, int> due)
    {
        string name = File.ReadAllText(Path.Combine(task, "comm")).TrimEnd('\n');
        if (name == SignalThread && CanSignalsWake(task))
            return false;
        due[name] = due.GetValueOrDefault(name) - 1;
        return due[name] >= 0;
    }

    private static bool CanSignalsWake(string task)
    {
        if (QuitSignal.AreThereOthers())
            return true;
        return Directory.GetDirectories(Path.GetDirectoryName(task)!).Any(static one => File.ReadAllText(Path.Combine(one, "children")).Length > 0);
    }

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int GetTid();
}
