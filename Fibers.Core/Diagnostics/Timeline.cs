using System.Text;
using Fibers.Parking;

namespace Fibers.Diagnostics;

/// <summary>
/// Records what the fibers of one runtime do, and writes it when the runtime is disposed or the process ends: as trace-event JSON, which Perfetto and chrome://tracing open, or, to a
/// path that ends in .html, as a page that shows the same. Each row keeps its last <see cref="TimelineRing.Capacity"/> entries.
/// </summary>
internal sealed class Timeline : IDisposable
{
    private const string Variable = "FIBERS_TIMELINE";

    private static int s_fromVariable;

    private readonly long _startNs = Clock.Now;
    private readonly FileStream _file;
    private readonly TimelineProbe _probe;
    private readonly TimelineCollections _collections = new();
    private int _disposed;

    private Timeline(FiberRuntime runtime, string path)
    {
        _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read); // a bad path fails here, not when all is done
        _probe = new TimelineProbe(runtime);
        Probe.Attach(_probe);
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit; // FiberRuntime.Default is never disposed
    }

    /// <summary>Null unless the options or the environment ask for one.</summary>
    public static Timeline? StartFor(FiberRuntime runtime, FiberRuntimeOptions options)
    {
        if (options.Timeline is { } path)
            return new Timeline(runtime, path);
        return Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } variable ? new Timeline(runtime, Numbered(variable, Interlocked.Increment(ref s_fromVariable))) : null;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        Probe.Detach(_probe);
        TimelinePause[] pauses = _collections.Finish();
        _collections.Dispose();
        List<TimelineEntry> entries = _probe.Snapshot(out long dropped);
        byte[] json = new TimelineTrace(_startNs, _probe.Names, entries, pauses, dropped).Write();
        using (_file)
            _file.Write(_file.Name.EndsWith(".html", StringComparison.OrdinalIgnoreCase) ? Encoding.UTF8.GetBytes(TimelinePage.Around(Encoding.UTF8.GetString(json))) : json);
    }

    // One variable, but perhaps several runtimes: the second writes to name-2.json.
    private static string Numbered(string path, int number) =>
        number == 1 ? path : Path.Combine(Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}");

    private void OnProcessExit(object? sender, EventArgs e) => Dispose();
}
