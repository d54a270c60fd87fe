namespace Fibers.Tests.Support;

/// <summary>
/// Watches, from a thread of its own, how many kernel threads the process has while a test runs. One counts when two looks in a row see it: virtual threads are born and end on
/// kernel threads that live for some microseconds each, and on a busy machine dozens of those may be on their way out at once.
/// </summary>
internal sealed class ThreadSampler : IDisposable
{
    private readonly Thread _thread;
    private volatile bool _stop;
    private HashSet<string> _seen = [];
    private int _peak;

    public ThreadSampler()
    {
        using var started = new ManualResetEventSlim();
        _thread = new Thread(() =>
        {
            _seen = KernelView.Tasks(); // this thread included
            Baseline = _peak = _seen.Count;
            started.Set();
            while (!_stop)
            {
                Look();
                Thread.Sleep(2);
            }
        })
        { IsBackground = true, Name = "thread sampler" };
        _thread.Start();
        started.Wait();
    }

    /// <summary>How many there were when it began.</summary>
    public int Baseline { get; private set; }

    public int Peak => Volatile.Read(ref _peak);

    /// <summary>Their names when they were most.</summary>
    public string AtPeak { get; private set; } = "";

    private void Look()
    {
        HashSet<string> seen = KernelView.Tasks();
        List<string> staying = [.. seen.Where(_seen.Contains)];
        _seen = seen;
        if (staying.Count <= _peak)
            return;
        _peak = staying.Count;
        AtPeak = KernelView.Names(staying);
    }

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
    }
}
