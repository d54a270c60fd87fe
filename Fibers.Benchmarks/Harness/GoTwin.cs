using System.Diagnostics;
using System.Globalization;

namespace Fibers.Benchmarks.Harness;

/// <summary>The same programs in Go (twins/main.go), built once when Go is installed.</summary>
internal static class GoTwin
{
    private static readonly Lazy<string?> s_program = new(Build);

    public static string? Version { get; } = Tool.Output("go", "version") is { } text ? string.Join(' ', text.Split(' ').Skip(2).Take(1)) : null;

    public static string? Program => s_program.Value;

    /// <summary>A contender that runs the twin with these words and reads the figure it prints; none without Go.</summary>
    public static IEnumerable<Contender> Contender(string name, params string[] words) => Program is { } program
        ? [new Contender(name, () => Parse(Tool.Output(program, words)!))]
        : [];

    // "nanoseconds processor-nanoseconds", both per operation.
    private static Figure Parse(string output)
    {
        string[] numbers = output.Split(' ');
        return new Figure(double.Parse(numbers[0], CultureInfo.InvariantCulture), double.Parse(numbers[1], CultureInfo.InvariantCulture));
    }

    private static string? Build()
    {
        if (Version is null)
            return null;
        string program = Path.Combine(AppContext.BaseDirectory, "twins", "go-twin");
        ToolResult build = Tool.Run(new ProcessStartInfo("go", ["build", "-o", program, "main.go"]) { WorkingDirectory = Path.GetDirectoryName(program) })!;
        return build.ExitCode == 0 ? program : throw new InvalidOperationException($"The Go twin could not be built.\n{build.Error}");
    }
}
