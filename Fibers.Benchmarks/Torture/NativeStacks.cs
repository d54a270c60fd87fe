using System.ComponentModel;
using System.Diagnostics;

namespace Fibers.Benchmarks.Torture;

/// <summary>The native stacks of a process that hangs, by gdb where it is installed.</summary>
internal static class NativeStacks
{
    public static void Print(int processId)
    {
        var start = new ProcessStartInfo("gdb", ["-p", $"{processId}", "-batch", "-ex", "thread apply all bt 16"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process debugger = Process.Start(start)!;
            debugger.ErrorDataReceived += static (_, _) => { }; // warnings about missing symbols
            debugger.BeginErrorReadLine();
            Console.Error.WriteLine(debugger.StandardOutput.ReadToEnd());
        }
        catch (Win32Exception)
        {
            Console.Error.WriteLine("(gdb is not installed: no native stacks)");
        }
    }
}
