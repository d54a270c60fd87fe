using System.Globalization;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Scale;

/// <summary>Our end of a <see cref="PopulationServer"/>.</summary>
internal sealed class PopulationProcess(Effort effort, string kind, int depth, params IEnumerable<(string Name, string Value)> environment) : IDisposable
{
    private const int WarmUps = 6; // until what each of them runs is compiled for the last time

    private readonly ChildProcess _child = ChildProcess.StartSelf([PopulationServer.Verb, "--kind", kind, "--depth", $"{depth}", "--warm-ups", $"{(effort.IsSmoke ? 1 : WarmUps)}"], piped: true, environment);

    public FiberUse FiberUse => FiberUse.Parse(_child.Ask("use"));

    public double[] Ask(string command) => [.. _child.Ask(command).Split(' ').Select(static number => double.Parse(number, CultureInfo.InvariantCulture))];

    public void Dispose()
    {
        _child.Process.StandardInput.Close();
        _child.Dispose(); // what is parked has nobody to wake it: no need to wait for its end
    }
}
