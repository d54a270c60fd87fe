using System.Collections.Concurrent;

namespace Fibers.Diagnostics;

/// <summary>Every runtime that is not disposed: for metrics, and for dumps of the whole process. Any thread. Keeps none of them alive.</summary>
internal static class LiveRuntimes
{
    private static readonly ConcurrentDictionary<int, WeakReference<FiberRuntime>> s_all = new();
    private static int s_lastId;

    public static int NextId() => Interlocked.Increment(ref s_lastId);

    public static void Add(FiberRuntime runtime) => s_all[runtime.Id] = new WeakReference<FiberRuntime>(runtime);

    public static void Remove(FiberRuntime runtime) => s_all.TryRemove(runtime.Id, out _);

    /// <summary>Oldest first.</summary>
    public static List<FiberRuntime> Snapshot()
    {
        var live = new List<FiberRuntime>();
        foreach ((int id, WeakReference<FiberRuntime> reference) in s_all.ToArray().OrderBy(static one => one.Key))
        {
            if (reference.TryGetTarget(out FiberRuntime? runtime))
                live.Add(runtime);
            else
                s_all.TryRemove(id, out _);
        }

        return live;
    }
}
