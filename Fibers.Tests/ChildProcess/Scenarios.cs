using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fibers.Tests.Support;

namespace Fibers.Tests.ChildProcess;

/// <summary>What the child process does, by name; its parent looks at the exit code and at what it printed.</summary>
internal static partial class Scenarios
{
    public const string StackOverflow = "stack-overflow";
    public const string ReportBackend = "report-backend";
    public const string ReportWithShadowStack = "report-with-shadow-stack";
    public const string RequireNative = "require-native";
    public const string SmallProgramme = "small-programme";
    public const string ReadInALibrary = "read-in-a-library";
    public const string ReadInAnExcludedLibrary = "read-in-an-excluded-library";
    public const string ReadConsole = "read-console";
    public const string StarvePool = "starve-pool";
    public const string ExhaustDescriptors = "exhaust-descriptors";
    public const string NoThreadForASpare = "no-thread-for-a-spare";
    public const string NoThreadToEndOn = "no-thread-to-end-on";
    public const string NoThreadForEveryCarrier = "no-thread-for-every-carrier";
    public const string NoMemoryForASnapshot = "no-memory-for-a-snapshot";
    public const string NoDescriptorToLookWith = "no-descriptor-to-look-with";
    public const string PlainCalls = "plain-calls";
    public const string PlainCallsRedirected = "plain-calls-redirected";
    public const string Deadlock = "deadlock";
    public const string WokenLate = "woken-late";
    public const string WokenAtAnEnd = "woken-at-an-end";
    public const string WaitForDebugger = "wait-for-debugger";
    public const string Tick = "tick";
    public const string DumpOnSignal = "dump-on-signal";
    public const string DumpOnSignalByEnvironment = "dump-on-signal-by-environment";

    public static int Run(string scenario) => scenario switch
    {
        StackOverflow => OverflowOnFiber(),
        ReportBackend => Report(),
        ReportWithShadowStack => ReportWhen(Faults.ShadowStack),
        RequireNative => RequireNativeBackend(),
        SmallProgramme => ChildProcess.SmallProgramme.Run(),
        ReadInALibrary => Blocking.LibraryChoice.ReadAndReport(exclude: false),
        ReadInAnExcludedLibrary => Blocking.LibraryChoice.ReadAndReport(exclude: true),
        ReadConsole => Unmodified.ConsoleInput.ReadLines(),
        StarvePool => Blocking.StarvedPool.Compare(),
        ExhaustDescriptors => Blocking.DescriptorExhaustion.Compare(),
        NoThreadForASpare => Shortages.NoThreadForASpare(),
        NoThreadToEndOn => Shortages.NoThreadToEndOn(),
        NoThreadForEveryCarrier => Shortages.NoThreadForEveryCarrier(),
        NoMemoryForASnapshot => Shortages.NoMemoryForASnapshot(),
        NoDescriptorToLookWith => Shortages.NoDescriptorToLookWith(),
        PlainCalls => Blocking.NotOnAFiber.MakeCalls(redirected: false),
        PlainCallsRedirected => Blocking.NotOnAFiber.MakeCalls(redirected: true),
        Deadlock => Deadlocks.Report(),
        WokenLate => Deadlocks.WokenLate(),
        WokenAtAnEnd => Deadlocks.WokenAtAnEnd(),
        WaitForDebugger => Diagnostics.DebuggerTests.WaitForDebugger(),
        Tick => Diagnostics.TraceTool.Tick(),
        DumpOnSignal => Diagnostics.QuitSignals.SignalItself(byOption: true),
        DumpOnSignalByEnvironment => Diagnostics.QuitSignals.SignalItself(byOption: false),
        _ => throw new ArgumentOutOfRangeException(nameof(scenario), scenario, "There is no such scenario."),
    };

    private static int OverflowOnFiber()
    {
        const int setDumpable = 4;
        SetProcessOption(setDumpable, 0); // it dies on purpose: no core file
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 2 });
        Console.WriteLine(runtime.Run(() =>
        {
            Fiber.Sleep(TimeSpan.FromMilliseconds(1)); // it has been parked: its stack is not fresh
            return DescendForEver(1);
        }));
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int DescendForEver(int depth) => depth == 0 ? 0 : DescendForEver(depth + 1) + 1;

    private static int Report()
    {
        using var runtime = new FiberRuntime();
        int answer = runtime.Run(() => 42);
        Console.WriteLine($"{runtime.Backend}|{runtime.FallbackReason}|{answer}");
        return 0;
    }

    private static int ReportWhen(uint fault)
    {
        using (Faults.Always(fault))
            return Report();
    }

    private static int RequireNativeBackend()
    {
        try
        {
            using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native });
            Console.WriteLine("started");
        }
        catch (PlatformNotSupportedException exception)
        {
            Console.WriteLine(exception.Message);
        }

        return 0;
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int SetProcessOption(int option, nint value);
}
