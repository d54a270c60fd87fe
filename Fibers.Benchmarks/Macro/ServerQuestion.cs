using System.Diagnostics;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>The same service four ways, each in a process of its own, under the same load from another process.</summary>
internal abstract class ServerQuestion(string what, bool hasGoTwin = true) : Question
{
    public override bool MoreIsBetter => true;

    public override Contest Prepare(Effort effort)
    {
        int all = Environment.ProcessorCount;
        ServerProcess? downstream = StartDownstream();
        var servers = new List<ServerProcess>();
        var contenders = new List<Contender>();
        AddOwn("fibers, one carrier", "fibers", 1);
        if (all > 1)
            AddOwn($"fibers, {all} carriers", "fibers", all);
        AddOwn("async/await", "async", all);
        AddOwn("a thread per connection", "threads", all);
        if (hasGoTwin && GoTwin.Program is { } go)
            Add("Go", ServerProcess.StartGo(go, what));
        return new Contest(contenders, downstream is null ? servers : [.. servers, downstream]);

        void AddOwn(string name, string how, int carriers)
        {
            ServerProcess server = Add(name, ServerProcess.Start(what, how, carriers, downstream?.Port));
            if (how == "fibers")
                contenders[^1] = contenders[^1] with { Fibers = server.FiberUse };
        }

        ServerProcess Add(string name, ServerProcess server)
        {
            servers.Add(server);
            contenders.Add(new Contender(name, () => Measure(server, effort)));
            return server;
        }
    }

    /// <summary>The server that the servers call, if any.</summary>
    protected virtual ServerProcess? StartDownstream() => null;

    private Figure Measure(ServerProcess server, Effort effort)
    {
        TimeSpan processor = server.ProcessorTime;
        var clock = Stopwatch.StartNew();
        double rate = Load(server.Port, effort);
        return new Figure(rate, (server.ProcessorTime - processor).TotalNanoseconds / (rate * clock.Elapsed.TotalSeconds));
    }

    protected abstract double Load(int port, Effort effort);
}
