using System.Diagnostics;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Torture;

/// <summary>The native stacks of a process that hangs, by gdb where it is installed.</summary>
internal static class NativeStacks
{
    public static void Print(int processId)
    {
        // Its errors are warnings about missing symbols.
        ToolResult? debugger = Tool.Run(new ProcessStartInfo("gdb", ["-p", $"{processId}", "-batch", "-ex", "thread apply all bt 16"]));
        Console.Error.WriteLine(debugger?.Output ?? "(gdb is not installed: no native stacks)");
    }
}
