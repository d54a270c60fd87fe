using System.Globalization;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Macro;

/// <summary>Round trips a second of 512-byte messages, over connections that each wait for their echo.</summary>
internal sealed class TcpEcho() : ServerQuestion("echo")
{
    private const int Connections = 64;

    public override string Name => "tcp-echo";
    public override string Asks => $"TCP echo, {EchoService.MessageSize} bytes, {Connections} connections";
    public override string Unit => "round trips/s";

    protected override double Load(int port, Effort effort)
    {
        using ChildProcess load = ChildProcess.StartSelf(["echo-load", "--port", $"{port}", "--connections", $"{Connections}", "--milliseconds", $"{(int)(effort.LoadSeconds * 1000)}"], piped: true);
        string output = load.Process.StandardOutput.ReadToEnd();
        load.Process.WaitForExit();
        return load.Process.ExitCode == 0 ? double.Parse(output, CultureInfo.InvariantCulture) : throw new InvalidOperationException("The load generator failed.");
    }
}
