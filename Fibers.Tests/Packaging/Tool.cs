using System.Diagnostics;
using System.Runtime.InteropServices;
using Fibers.Tests.ChildProcess;

namespace Fibers.Tests.Packaging;

/// <summary>Runs a command to its end and returns what it printed.</summary>
internal static class Tool
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <exception cref="InvalidOperationException">It failed; its output is in the message.</exception>
    public static string Run(string folder, string temporary, string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(command, arguments) { WorkingDirectory = folder };
        foreach (string name in start.Environment.Keys.Where(static name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("FIBERS_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name); // of the build or the test run we are part of
        start.Environment["TMPDIR"] = temporary; // a build leaves something there each time
        // Nobody may stay behind and keep the output open.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        ChildResult result = Command.Run(s_limit, start);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"{command} {string.Join(' ', arguments)} ended with {result.ExitCode}.\n{result.Output}\n{result.Error}");
    }
}
