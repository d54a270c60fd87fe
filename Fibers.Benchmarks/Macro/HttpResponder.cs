using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>Requests a second that a plain synchronous responder on fibers answers, beside its async, thread and Go twins, under wrk.</summary>
internal sealed class HttpResponder(int connections) : ServerQuestion("http")
{
    private const int MostInSmoke = 200;
    private const int Crowd = 10_000;
    private const int CrowdPatience = 3; // so many take seconds to connect

    public override string Name => $"http-{connections}";
    public override string Asks => $"HTTP responder, {connections:N0} connections";
    public override string Unit => "requests/s";
    public override bool InQuick => connections < Crowd;
    public override int MostRounds => connections < Crowd ? base.MostRounds : 5;
    public override string? Missing => Wrk.Missing;

    protected override double Load(int port, Effort effort) => effort.IsSmoke
        ? Wrk.Load(port, Math.Min(connections, MostInSmoke), effort.LoadSeconds)
        : Wrk.Load(port, connections, connections < Crowd ? effort.LoadSeconds : CrowdPatience * effort.LoadSeconds);
}
