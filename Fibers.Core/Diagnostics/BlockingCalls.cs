using System.Collections.Concurrent;
using Fibers.Diagnostics.Dumps;
using Fibers.Diagnostics.Inspection;
using Fibers.Scheduling;
using Fibers.VirtualThreads;

namespace Fibers.Diagnostics;

/// <summary>Why did this block a carrier? Calls that nothing redirects, counted by call site. The watchdog adds, once per call; anybody reads.</summary>
internal sealed class BlockingCalls
{
    private readonly ConcurrentDictionary<string, long> _sites = new();
    private long _count;

    public long Count => Volatile.Read(ref _count);

    /// <summary>Most frequent first.</summary>
    // ToArray is the dictionary's own, which takes its locks; LINQ's would count and copy in two steps.
    public IReadOnlyList<KeyValuePair<string, long>> Sites => [.. _sites.ToArray().OrderByDescending(static site => site.Value).ThenBy(static site => site.Key, StringComparer.Ordinal)];

    /// <summary>The watchdog: the carrier has sat in one fiber for an interval, and its kernel thread is blocked in that call. True: it has been counted.</summary>
    public bool Add(Carrier carrier, string call)
    {
        if (carrier.Mounted?.VirtualThread is not { } thread)
            return false;
        string function = KernelThread.FunctionOf(call);
        string site = CallerOf(thread, carrier, call) is { } caller ? $"{function}, called by {caller}" : function;
        _sites.AddOrUpdate(site, 1, static (_, count) => count + 1);
        Interlocked.Increment(ref _count);
        return true;
    }

    // The managed frame above the native function; null: the call had returned before the stack was read.
    private static string? CallerOf(VirtualThread thread, Carrier carrier, string call)
    {
        try
        {
            var stacks = new StackReader();
            List<nint>? methods = stacks.Walk(RuntimeThread.NativePointer(thread.Thread!));
            return KernelThread.Call(carrier.KernelId) == call && carrier.Mounted?.VirtualThread == thread ? stacks.CallerOfNative(methods) : null;
        }
        catch (UnreadableException)
        {
            return null;
        }
    }
}
