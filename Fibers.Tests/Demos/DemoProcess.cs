using System.Diagnostics;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;

namespace Fibers.Tests.Demos;

/// <summary>Runs the demo programme as a user does: as a process of its own.</summary>
internal static class DemoProcess
{
    public static string Folder { get; } = Repository.Folder("DemosFolder");

    public static string Programme { get; } = Path.Combine(Folder, "Fibers.Demos");

    public static ChildResult Run(params string[] arguments) => Command.Run(new ProcessStartInfo(Programme, arguments));

    /// <summary>Where the native backend is switched off.</summary>
    public static ChildResult RunOnThreads(params string[] arguments) =>
        Command.Run(new ProcessStartInfo(Programme, arguments) { Environment = { ["FIBERS_BACKEND"] = "threads" } });

    /// <summary>Starts it and leaves the talking, over its standard input and output, to the caller.</summary>
    public static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo(Programme, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    /// <summary>On a terminal of its own, this wide, that shows what it says and hears what we say.</summary>
    public static ProcessStartInfo OnTerminal(int columns, string arguments) =>
        new(Optional.Require("script", "bsdutils"), ["-qec", $"stty cols {columns}; exec '{Programme}' {arguments}", "/dev/null"]) { Environment = { ["TERM"] = "xterm" } };

    /// <summary>It ended well and had nothing to complain about; what it said.</summary>
    public static string OutputOf(params string[] arguments)
    {
        ChildResult result = Run(arguments);
        if (result is not { ExitCode: 0, Error: "" })
            throw new InvalidOperationException($"The demo \"{string.Join(' ', arguments)}\" ended with {result.ExitCode}.\n{result.Error}\n{result.Output}");
        return result.Output;
    }
}
