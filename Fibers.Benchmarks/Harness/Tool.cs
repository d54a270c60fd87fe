using System.ComponentModel;
using System.Diagnostics;

namespace Fibers.Benchmarks.Harness;

/// <summary>Programs that may or may not be installed.</summary>
internal static class Tool
{
    /// <summary>What it printed, or null when there is no such program.</summary>
    public static string? Output(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
            string output = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} ended with exit code {process.ExitCode}.");
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
