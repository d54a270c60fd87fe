using System.Diagnostics;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;

namespace Fibers.Tests.Demos;

/// <summary>Runs the demo programme as a user does: as a process of its own.</summary>
internal static class DemoProcess
{
    public static string Folder { get; } = Repository.Folder("DemosFolder");

    /// <summary>It ended well and had nothing to complain about; what it said.</summary>
    public static string OutputOf(params string[] arguments)
    {
        ChildResult result = Command.Run(new ProcessStartInfo(Path.Combine(Folder, "Fibers.Demos"), arguments));
        if (result is not { ExitCode: 0, Error: "" })
            throw new InvalidOperationException($"The demo \"{string.Join(' ', arguments)}\" ended with {result.ExitCode}.\n{result.Error}\n{result.Output}");
        return result.Output;
    }
}
