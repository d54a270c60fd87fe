using System.Diagnostics;
using System.Net;

namespace Fibers.Demos.Fetching;

/// <summary>One HttpClient, as it comes, and what became of each page. A page that fails is an outcome, never an exception.</summary>
internal sealed class PageFetcher(Job job, Action<int> progress) : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = !job.PagesAreOurs });
    private readonly int _progressStep = Math.Max(1, job.Urls.Length / 50);
    private int _done;

    public Outcome[] Outcomes { get; } = new Outcome[job.Urls.Length];

    public void Fetch(int page)
    {
        string url = job.Urls[page];
        long start = Stopwatch.GetTimestamp();
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            using HttpResponseMessage response = _client.Send(request);
            using var body = new MemoryStream();
            response.Content.ReadAsStream().CopyTo(body);
            Finish(page, start, response.StatusCode, body.ToArray());
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            Finish(page, start, exception);
        }
    }

    public async Task FetchAsync(int page)
    {
        string url = job.Urls[page];
        long start = Stopwatch.GetTimestamp();
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            using HttpResponseMessage response = await _client.SendAsync(request);
            using var body = new MemoryStream();
            await (await response.Content.ReadAsStreamAsync()).CopyToAsync(body);
            Finish(page, start, response.StatusCode, body.ToArray());
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            Finish(page, start, exception);
        }
    }

    public void Dispose() => _client.Dispose();

    private void Finish(int page, long start, HttpStatusCode status, byte[] body)
    {
        string? error = (int)status >= 400 ? $"the server answered {(int)status} {status}" : null;
        if (error is null && job.PagesAreOurs && !body.AsSpan().SequenceEqual(PageServer.BodyOf(new Uri(job.Urls[page]).AbsolutePath)))
            error = "the page is not the one that was asked for";
        Finish(page, new Outcome(job.Urls[page], (int)status, body.Length, Stopwatch.GetElapsedTime(start).TotalMilliseconds, error));
    }

    private void Finish(int page, long start, Exception exception)
    {
        string error = exception is OperationCanceledException ? $"no answer within {_client.Timeout.TotalSeconds:N0} s" : exception.GetBaseException().Message;
        Finish(page, new Outcome(job.Urls[page], 0, 0, Stopwatch.GetElapsedTime(start).TotalMilliseconds, error));
    }

    private void Finish(int page, Outcome outcome)
    {
        Outcomes[page] = outcome;
        int done = Interlocked.Increment(ref _done);
        if (done % _progressStep == 0)
            progress(done);
    }
}
