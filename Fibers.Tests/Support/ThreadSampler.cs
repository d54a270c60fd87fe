namespace Fibers.Tests.Support;

/// <summary>Watches, from a thread of its own, how many kernel threads the process has while a test runs.</summary>
internal sealed class ThreadSampler : IDisposable
{
    private readonly Thread _thread;
    private volatile bool _stop;
    private int _peak;

    public ThreadSampler()
    {
        using var started = new ManualResetEventSlim();
        _thread = new Thread(() =>
        {
            Baseline = _peak = KernelView.Threads(); // this thread included
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
        int count = KernelView.Threads();
        if (count <= _peak)
            return;
        _peak = count;
        AtPeak = KernelView.ThreadNames();
    }

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
    }
}
