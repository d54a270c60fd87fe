using System.Diagnostics;
using Fibers.Tests.Support;

namespace Fibers.Tests.ChildProcess;

/// <summary>Runs a program to its end, and keeps what it said.</summary>
internal static class Command
{
    public static ChildResult Run(ProcessStartInfo start) => Run(Bounded.Limit, start);

    /// <exception cref="TimeoutException">It did not end in time, and was killed with all it had started.</exception>
    public static ChildResult Run(TimeSpan limit, ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (process.WaitForExit(limit))
            return new ChildResult(process.ExitCode, output.Result, error.Result);
        process.Kill(entireProcessTree: true);
        throw new TimeoutException($"\"{start.FileName} {string.Join(' ', start.ArgumentList)}\" did not end within {limit.TotalSeconds} s; it had said:\n{output.Result}\n{error.Result}");
    }
}

internal sealed record ChildResult(int ExitCode, string Output, string Error)
{
    public string All => Output + Error;
}
