using System.Globalization;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>A running <see cref="Server"/>, or its Go twin.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly ChildProcess _child;

    private ServerProcess(ChildProcess child)
    {
        _child = child;
        Port = int.Parse(child.Process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The server did not start."), CultureInfo.InvariantCulture);
    }

    public int Port { get; }

    public TimeSpan ProcessorTime
    {
        get
        {
            _child.Process.Refresh();
            return _child.Process.TotalProcessorTime;
        }
    }

    public static ServerProcess Start(string what, string how, int carriers, int? downstream = null) =>
        new(ChildProcess.StartSelf(["serve", "--what", what, "--how", how, "--carriers", $"{carriers}", .. downstream is { } port ? (string[])["--downstream", $"{port}"] : []], piped: true));

    public static ServerProcess StartGo(string program, string what) => new(ChildProcess.Start(program, [what], piped: true));

    public FiberUse FiberUse() => Harness.FiberUse.Parse(_child.Ask(""));

    public void Dispose()
    {
        _child.Process.StandardInput.Close();
        _child.Process.WaitForExit(TimeSpan.FromSeconds(5));
        _child.Dispose(); // kills it if it would not end
    }
}
