using Fibers.Native;

namespace Fibers.Tests.Unmodified;

/// <summary>A folder for one test, with io_uring allowed or forbidden meanwhile.</summary>
internal sealed class FilePaths : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fibers-files-").FullName;
    private readonly bool _uring;
    private readonly FiberStatistics _before;

    public FilePaths(bool uring)
    {
        _uring = uring;
        _before = FiberRuntime.Default.Statistics; // starts the shim too
        Shim.fibers_uring_allow(uring ? 1 : 0);
    }

    /// <summary>Calls went elsewhere, and where they were allowed to: a kernel that has no io_uring for us uses the pool.</summary>
    public bool HandedOff
    {
        get
        {
            FiberStatistics now = FiberRuntime.Default.Statistics;
            long ring = now.UringCalls - _before.UringCalls;
            long pool = now.OffloadedCalls - _before.OffloadedCalls;
            return _uring ? ring + pool > 0 : ring == 0 && pool > 0;
        }
    }

    public string File(int number) => Path.Combine(_folder, $"{number}");

    public void Dispose()
    {
        Shim.fibers_uring_allow(1);
        Directory.Delete(_folder, recursive: true);
    }
}
