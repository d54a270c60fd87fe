using System.Diagnostics;

namespace Fibers.Tests.ChildProcess;

/// <summary>Runs this executable again, as a child that plays one of the <see cref="Scenarios"/>: for what ends a process, or must be set before it starts.</summary>
internal static class Child
{
    public const string Switch = "--fibers-child";

    /// <summary>Starts it and leaves the talking, over its standard input and output, to the caller.</summary>
    public static Process Start(string scenario)
    {
        ProcessStartInfo start = Describe(scenario);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        return Process.Start(start)!;
    }

    public static ChildResult Run(string scenario, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = Describe(scenario);
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Command.Run(start);
    }

    /// <summary>As a shell does that has been told to ignore a signal.</summary>
    public static ChildResult RunIgnoring(string signal, string scenario) =>
        Command.Run(Describe(scenario, "/bin/sh", "-c", $"trap '' {signal}; exec \"$@\"", "sh"));

    private static ProcessStartInfo Describe(string scenario, params string[] launcher)
    {
        // The executable is "dotnet" when the assembly was started through it.
        string[] words = [.. launcher, Path.Combine(AppContext.BaseDirectory, "Fibers.Tests"), Switch, scenario];
        var start = new ProcessStartInfo(words[0], words[1..]);
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        return start;
    }
}
