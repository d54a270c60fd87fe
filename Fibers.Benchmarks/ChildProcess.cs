using System.Diagnostics;

namespace Fibers.Benchmarks;

/// <summary>Another process that ends with us at the latest.</summary>
internal sealed class ChildProcess : IDisposable
{
    private ChildProcess(Process process)
    {
        Process = process;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    public Process Process { get; }

    /// <summary>This program again, with other arguments.</summary>
    public static ChildProcess StartSelf(IEnumerable<string> arguments, bool piped = false, params IEnumerable<(string Name, string Value)> environment)
    {
        string self = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(self) == "dotnet"
            ? Start(self, [typeof(ChildProcess).Assembly.Location, .. arguments], piped, environment)
            : Start(self, arguments, piped, environment);
    }

    /// <param name="program">What to run.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="piped">Its input and output are ours to write and read.</param>
    /// <param name="environment">Added to ours.</param>
    public static ChildProcess Start(string program, IEnumerable<string> arguments, bool piped = false, params IEnumerable<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = piped, RedirectStandardOutput = piped };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return new ChildProcess(Process.Start(start)!);
    }

    /// <summary>Writes a line to one that is piped, and reads the line it answers with.</summary>
    public string Ask(string line)
    {
        Process.StandardInput.WriteLine(line);
        Process.StandardInput.Flush();
        return Process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The process '{Process.StartInfo.FileName} {string.Join(' ', Process.StartInfo.ArgumentList)}' has ended; it was asked '{line}'.");
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        Kill();
        Process.Dispose();
    }

    public void Kill()
    {
        if (Process.HasExited)
            return;
        Process.Kill();
        // What .NET leaves for debuggers and tools to find a process by, and can no longer remove.
        foreach (string pattern in (string[])[$"clr-debug-pipe-{Process.Id}-*", $"dotnet-diagnostic-{Process.Id}-*"])
            foreach (string file in Directory.EnumerateFiles(Path.GetTempPath(), pattern))
                File.Delete(file);
    }

    private void OnExit(object? sender, EventArgs e) => Kill();
}
