using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Fibers.Diagnostics;

/// <summary>On SIGQUIT every runtime of the process is dumped to standard error, and the process goes on; as in Go and Java. Off unless asked for: it changes what the signal does.</summary>
internal static partial class QuitSignal
{
    private const int SigQuit = 3;
    private static readonly Lock s_lock = new();
    private static readonly FieldInfo? s_handlers = typeof(PosixSignalRegistration).GetField("s_registrations", BindingFlags.NonPublic | BindingFlags.Static);
    private static PosixSignalRegistration? s_registration;

    /// <summary>For every program, without a change to it.</summary>
    public static bool IsAskedFor { get; } = Environment.GetEnvironmentVariable("FIBERS_DUMP_ON_SIGQUIT") == "1";

    /// <summary>Any thread; idempotent. Stays on.</summary>
    public static void Enable()
    {
        lock (s_lock)
        {
            if (s_registration is not null)
                return;
            if (IsIgnored())
                signal(SigQuit, 0);
            s_registration = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Handle);
        }
    }

    /// <summary>Any thread. False only when no signal handler of the program's own can run: none is registered but ours, which wakes no fiber.</summary>
    public static bool AreThereOthers()
    {
        if (s_handlers?.GetValue(null) is not IDictionary handlers)
            return true; // it cannot be known
        lock (s_lock)
            lock (handlers) // as .NET does when it changes them
                return handlers.Count > 0 && !(s_registration is not null && handlers.Count == 1 && handlers.Values.Cast<object>().Single() is ICollection { Count: 1 });
    }

    // What a shell starts in the background ignores the signal from its first instruction, and .NET leaves it at that. Here somebody asked for it.
    private static bool IsIgnored()
    {
        const string status = "/proc/self/status", field = "SigIgn:";
        if (!OperatingSystem.IsLinux() || !File.Exists(status))
            return false;
        string mask = File.ReadLines(status).First(static line => line.StartsWith(field, StringComparison.Ordinal))[field.Length..];
        return (ulong.Parse(mask.AsSpan().Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (SigQuit - 1) & 1) != 0;
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint signal(int number, nint handler); // 0: SIG_DFL

    private static void Handle(PosixSignalContext context)
    {
        context.Cancel = true; // else the process would end
        foreach (FiberRuntime runtime in LiveRuntimes.Snapshot())
            runtime.Dump(Console.Error);
    }
}
