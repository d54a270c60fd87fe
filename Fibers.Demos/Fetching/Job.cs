namespace Fibers.Demos.Fetching;

/// <summary>What a worker process is to do. Travels as one line of JSON.</summary>
internal sealed record Job(string[] Urls, bool PagesAreOurs, int Concurrency, int Carriers, int Gen0, string Way = Ways.Fibers);

/// <summary>How one page went. <paramref name="Error"/> is null when all is well.</summary>
internal sealed record Outcome(string Url, int Status, int Bytes, double Milliseconds, string? Error);

/// <summary>What a worker did. Of our own pages it names only those that failed.</summary>
internal sealed record WorkDone(double Seconds, double ProcessorSeconds, double PausedSeconds, Outcome[] Outcomes, string? Remark);
