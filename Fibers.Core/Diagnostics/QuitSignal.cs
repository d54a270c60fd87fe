using System.Collections;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Fibers.Diagnostics;

/// <summary>On SIGQUIT every runtime of the process is dumped to standard error, and the process goes on; as in Go and Java. Off unless asked for: it changes what the signal does.</summary>
internal static class QuitSignal
{
    private static readonly Lock s_lock = new();
    private static readonly FieldInfo? s_handlers = typeof(PosixSignalRegistration).GetField("s_registrations", BindingFlags.NonPublic | BindingFlags.Static);
    private static PosixSignalRegistration? s_registration;

    /// <summary>For every program, without a change to it.</summary>
    public static bool IsAskedFor { get; } = Environment.GetEnvironmentVariable("FIBERS_DUMP_ON_SIGQUIT") == "1";

    /// <summary>Any thread; idempotent. Stays on.</summary>
    public static void Enable()
    {
        lock (s_lock)
            s_registration ??= PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Handle);
    }

    /// <summary>Any thread. False only when no signal handler of the program's own can run: none is registered but ours, which wakes no fiber.</summary>
    public static bool AreThereOthers()
    {
        if (s_handlers?.GetValue(null) is not IDictionary handlers)
            return true; // it cannot be known
        lock (s_lock)
            return handlers.Count > 0 && !(s_registration is not null && handlers.Count == 1 && handlers.Values.Cast<object>().Single() is ICollection { Count: 1 });
    }

    private static void Handle(PosixSignalContext context)
    {
        context.Cancel = true; // else the process would end
        foreach (FiberRuntime runtime in LiveRuntimes.Snapshot())
            runtime.Dump(Console.Error);
    }
}
