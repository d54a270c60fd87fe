using System.Globalization;
using System.Text.Json;

namespace Fibers.Demos.Fetching;

/// <summary>One way, measured from outside its process.</summary>
internal sealed record Measurement(string Way, WorkDone Work, int Requests, int Threads, long Bytes)
{
    public int Failed { get; } = Work.Outcomes.Count(outcome => outcome.Error is not null);

    public double Rate => Requests / Work.Seconds;

    public static Measurement Take(Job job, Action<int> progress)
    {
        // Every way with the same room to allocate in: a collection costs fibers and threads more than tasks, which have no stacks to scan.
        using Child worker = job.Gen0 == 0 ? new([Worker.Verb]) : new([Worker.Verb], ("DOTNET_GCgen0size", $"0x{(long)job.Gen0 << 20:x}"));
        Expect(worker, Worker.Up);
        using var meter = new ProcessMeter(worker.ProcessId);
        int threadsBefore = meter.Threads; // everything the way starts counts, warm or not
        worker.Tell(JsonSerializer.Serialize(job));
        Expect(worker, Worker.Warm);
        long bytesBefore = meter.Bytes;
        meter.Watch();
        worker.Tell(Worker.Go);
        while (true)
        {
            string line = worker.Hear();
            if (line.StartsWith(Worker.Done, StringComparison.Ordinal))
            {
                progress(int.Parse(line.AsSpan(Worker.Done.Length), CultureInfo.InvariantCulture));
            }
            else if (line.StartsWith(Worker.Result, StringComparison.Ordinal))
            {
                WorkDone work = JsonSerializer.Deserialize<WorkDone>(line.AsSpan(Worker.Result.Length))!;
                meter.Stop();
                progress(job.Urls.Length);
                return new Measurement(job.Way, work, job.Urls.Length, meter.PeakThreads - threadsBefore, meter.PeakBytes - bytesBefore);
            }
        }
    }

    private static void Expect(Child worker, string expected)
    {
        string heard = worker.Hear();
        if (heard != expected)
            throw new InvalidOperationException($"The worker said '{heard}' where '{expected}' was due.");
    }
}
