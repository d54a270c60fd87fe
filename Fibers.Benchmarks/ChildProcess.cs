using System.Diagnostics;

namespace Fibers.Benchmarks;

/// <summary>This program again, with other arguments. Ends with us at the latest.</summary>
internal sealed class ChildProcess : IDisposable
{
    private ChildProcess(Process process)
    {
        Process = process;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    public Process Process { get; }

    public static ChildProcess StartSelf(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        string self = Environment.ProcessPath!;
        var start = new ProcessStartInfo(self);
        if (Path.GetFileNameWithoutExtension(self) == "dotnet")
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return new ChildProcess(Process.Start(start)!);
    }

    public void Kill()
    {
        if (!Process.HasExited)
            Process.Kill();
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        Kill();
        Process.Dispose();
    }

    private void OnExit(object? sender, EventArgs e) => Kill();
}
