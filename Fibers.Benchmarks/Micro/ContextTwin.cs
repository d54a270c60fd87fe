using System.Diagnostics;
using System.Globalization;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Micro;

/// <summary>twins/context.cpp: the same loop with Boost.Context and ucontext, where the processor can do it and a C++ compiler and libboost-context-dev are installed.</summary>
internal static class ContextTwin
{
    private static readonly Lazy<string?> s_program = new(Build);

    public static IEnumerable<Contender> Contender(string name, string kind, int times) => s_program.Value is { } program && Tool.Run(new ProcessStartInfo(program, [kind, "1"])) is { ExitCode: 0 }
        ? [new Contender(name, () => double.Parse(Tool.Output(program, kind, $"{times}")!, CultureInfo.InvariantCulture))]
        : [];

    private static string? Build()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "twins");
        string program = Path.Combine(folder, "context-twin");
        ToolResult? compiler = Tool.Run(new ProcessStartInfo("c++", ["-O2", "-o", program, "context.cpp", "-lboost_context"]) { WorkingDirectory = folder });
        return compiler is { ExitCode: 0 } ? program : null; // without Boost it says so at length
    }
}
