using System.Diagnostics;

namespace Fibers.Tests.ChildProcess;

/// <summary>Runs this executable again, as a child that plays one of the <see cref="Scenarios"/>: for what ends a process, or must be set before it starts.</summary>
internal static class Child
{
    public const string Switch = "--fibers-child";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    /// <summary>Starts it and leaves the talking, over its standard input and output, to the caller.</summary>
    public static Process Start(string scenario) => Process.Start(Describe(scenario, redirectInput: true))!;

    public static ChildResult Run(string scenario, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = Describe(scenario, redirectInput: false);
        start.RedirectStandardError = true;
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"The child process \"{scenario}\" did not end within {s_limit.TotalSeconds} s.");
        }

        return new ChildResult(process.ExitCode, output.Result, error.Result);
    }

    private static ProcessStartInfo Describe(string scenario, bool redirectInput)
    {
        // The executable is "dotnet" when the assembly was started through it.
        string executable = Path.Combine(AppContext.BaseDirectory, "Fibers.Tests");
        var start = new ProcessStartInfo(executable, [Switch, scenario]) { RedirectStandardInput = redirectInput, RedirectStandardOutput = true };
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        return start;
    }
}

internal sealed record ChildResult(int ExitCode, string Output, string Error);
