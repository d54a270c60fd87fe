namespace Fibers.Benchmarks.Macro;

/// <summary>A server whose handler calls another.</summary>
internal sealed class FrontService(int downstream) : HttpService
{
    private readonly HttpClient _client = new(); // as long as the process
    private readonly Uri _address = new($"http://127.0.0.1:{downstream}/");

    protected override void Prepare()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _address);
        using HttpResponseMessage response = _client.Send(request);
        response.EnsureSuccessStatusCode();
    }

    protected override async Task PrepareAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _address);
        using HttpResponseMessage response = await _client.SendAsync(request);
        response.EnsureSuccessStatusCode();
    }
}
