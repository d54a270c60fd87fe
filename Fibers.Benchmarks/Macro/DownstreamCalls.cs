using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>Requests a second of a handler that calls another server, which takes its time, with <see cref="HttpClient"/>: blocking code on fibers and on threads, and its async twin.</summary>
internal sealed class DownstreamCalls() : ServerQuestion("front", hasGoTwin: false)
{
    private const int Connections = 256;

    public override string Name => "downstream";
    public override string Asks => $"HTTP handler that waits {SlowService.Milliseconds} ms for another server by HttpClient, {Connections} connections (ideal: {Connections * 1000 / SlowService.Milliseconds:N0})";
    public override string Unit => "requests/s";
    public override string? Missing => Wrk.Missing;

    protected override ServerProcess StartDownstream() => ServerProcess.Start("slow", "async", Environment.ProcessorCount);

    protected override double Load(int port, Effort effort) => Wrk.Load(port, Connections, effort.LoadSeconds);
}
