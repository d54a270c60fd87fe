using System.ComponentModel;
using System.Diagnostics;

namespace Fibers.Benchmarks.Harness;

/// <summary>Programs that may or may not be installed.</summary>
internal static class Tool
{
    /// <summary>What it printed, or null when there is no such program.</summary>
    public static string? Output(string program, params string[] arguments) => Run(new ProcessStartInfo(program, arguments)) switch
    {
        null => null,
        { ExitCode: 0 } result => result.Output.Trim(),
        var result => throw new InvalidOperationException($"{program} ended with exit code {result.ExitCode}.\n{result.Error}"),
    };

    /// <summary>Runs it to its end; null when there is no such program.</summary>
    public static ToolResult? Run(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new ToolResult(process.ExitCode, output, error.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}

internal sealed record ToolResult(int ExitCode, string Output, string Error);
