using System.Text;
using Fibers.Scheduling;

namespace Fibers.Tests.Support;

/// <summary>What the runtimes and the kernel threads of this process are doing, for people.</summary>
internal static class Picture
{
    public static string OfProcess()
    {
        var text = new StringBuilder();
        foreach (FiberRuntime runtime in Runtimes.Alive())
            Append(text, runtime);
        text.AppendLine("Kernel threads:");
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
            text.AppendLine($"  {Path.GetFileName(task)} {KernelView.Line(task, "comm")} {KernelView.Line(task, "wchan")} {State(task)}");
        return text.ToString();
    }

    private static void Append(StringBuilder text, FiberRuntime runtime)
    {
        if (runtime.Scheduler is not { } scheduler)
        {
            text.AppendLine($"{runtime.Backend} runtime, {runtime.Statistics.Live} live");
            return;
        }

        if (scheduler.Stopping)
            return; // its native half may be gone
        text.AppendLine(runtime.Statistics.ToString());
        text.AppendLine($"  injected {scheduler.Injected.Count}, starving {scheduler.Starving.Count}, inbox {(scheduler.Inbox.IsEmpty ? "empty" : "not empty")}, " +
            $"timers {scheduler.Timers.Count}, idle {scheduler.Idle.Idle}, searching {scheduler.Idle.Searching}, poller {scheduler.Idle.Poller?.Index}");
        foreach (Carrier? carrier in scheduler.AllCarriers)
            if (carrier is not null)
                text.AppendLine($"  carrier {carrier.Index}: {carrier.State}, in a fiber: {carrier.InFiber}, queue {carrier.Queue.Count}, switches {carrier.Switches}");
    }

    private static string State(string task) => KernelView.Line(task, "stat") is { } stat && stat.LastIndexOf(')') is > 0 and int end && end + 2 < stat.Length ? stat[end + 2].ToString() : "?";
}
