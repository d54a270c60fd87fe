using System.Diagnostics;
using System.Reflection;
using Fibers.Tests.ChildProcess;

namespace Fibers.Tests.Demos;

/// <summary>Runs the demo programme as a user does: as a process of its own.</summary>
internal static class DemoProcess
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    public static string Folder { get; } = typeof(DemoProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(static attribute => attribute.Key == "DemosFolder").Value!;

    public static ChildResult Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Folder, "Fibers.Demos"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"The demo \"{string.Join(' ', arguments)}\" did not end within {s_limit.TotalSeconds} s; it had said:\n{output.Result}");
        }

        return new ChildResult(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>It ended well and had nothing to complain about; what it said.</summary>
    public static string OutputOf(params string[] arguments)
    {
        ChildResult result = Run(arguments);
        if (result is not { ExitCode: 0, Error: "" })
            throw new InvalidOperationException($"The demo \"{string.Join(' ', arguments)}\" ended with {result.ExitCode}.\n{result.Error}\n{result.Output}");
        return result.Output;
    }
}
