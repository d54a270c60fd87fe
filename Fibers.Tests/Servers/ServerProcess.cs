using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Fibers.Servers;

/// <summary>A server of Debian's packages, started on loopback with an ephemeral port and a folder of its own, and stopped again.</summary>
public abstract class ServerProcess : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private Process? _process;

    protected ServerProcess(string name)
    {
        Folder = Directory.CreateTempSubdirectory($"fibers-{name}-").FullName;
        Port = FreePort();
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    public int Port { get; }

    protected string Folder { get; }

    public virtual void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        if (_process is { HasExited: false })
            Stop(_process);
        _process?.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    protected virtual void Stop(Process process)
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
    }

    /// <summary>Starts it and waits until <paramref name="answers"/> no longer throws.</summary>
    protected void Start(ProcessStartInfo start, Action answers)
    {
        _process = Launch(start);
        long end = Environment.TickCount64 + (long)s_limit.TotalMilliseconds;
        while (true)
        {
            try
            {
                answers();
                return;
            }
            catch (Exception exception) when (!_process.HasExited && Environment.TickCount64 < end && exception is not OutOfMemoryException)
            {
                Thread.Sleep(20);
            }
        }
    }

    protected static void RunToEnd(ProcessStartInfo start)
    {
        using Process process = Launch(start);
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}.");
    }

    // Its messages go to a file in the folder rather than into the output of the tests.
    private static Process Launch(ProcessStartInfo start)
    {
        string command = string.Join(' ', start.ArgumentList.Prepend(start.FileName).Select(static word => $"'{word}'"));
        return Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"exec {command} >>'{start.WorkingDirectory}/server.log' 2>&1"]) { WorkingDirectory = start.WorkingDirectory })!;
    }

    private static int FreePort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        return port;
    }

    private void OnExit(object? sender, EventArgs e) => Dispose();
}
