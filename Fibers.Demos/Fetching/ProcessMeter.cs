using System.Diagnostics;
using System.Globalization;

namespace Fibers.Demos.Fetching;

/// <summary>Kernel threads and resident memory of another process: now, and their peaks while it watches.</summary>
internal sealed class ProcessMeter(int processId) : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(5);

    private readonly ManualResetEventSlim _stop = new();
    private Thread? _watcher;

    public int Threads => Read().Threads;

    public long Bytes => Read().Bytes;

    public int PeakThreads { get; private set; }

    public long PeakBytes { get; private set; }

    public void Watch()
    {
        _watcher = new Thread(() =>
        {
            do
                Look();
            while (!_stop.Wait(s_interval));
        })
        { IsBackground = true, Name = "process meter" };
        _watcher.Start();
    }

    public void Stop()
    {
        _stop.Set();
        _watcher?.Join();
    }

    public void Dispose()
    {
        Stop();
        _stop.Dispose();
    }

    private void Look()
    {
        (int threads, long bytes) = Read();
        PeakThreads = Math.Max(PeakThreads, threads);
        PeakBytes = Math.Max(PeakBytes, bytes);
    }

    // (0, 0) once the process is gone.
    private (int Threads, long Bytes) Read()
    {
        try
        {
            return OperatingSystem.IsLinux() ? ReadStatus() : ReadProcess();
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or InvalidOperationException)
        {
            return (0, 0);
        }
    }

    private (int Threads, long Bytes) ReadStatus()
    {
        int threads = 0;
        long bytes = 0;
        foreach (string line in File.ReadLines($"/proc/{processId}/status"))
        {
            if (line.StartsWith("Threads:", StringComparison.Ordinal))
                threads = (int)NumberIn(line);
            else if (line.StartsWith("VmRSS:", StringComparison.Ordinal))
                bytes = NumberIn(line) * 1024;
        }

        return (threads, bytes);
    }

    private (int Threads, long Bytes) ReadProcess()
    {
        using Process process = Process.GetProcessById(processId);
        return (process.Threads.Count, process.WorkingSet64);
    }

    private static long NumberIn(string line) => long.Parse(string.Concat(line.Where(char.IsAsciiDigit)), CultureInfo.InvariantCulture);
}
