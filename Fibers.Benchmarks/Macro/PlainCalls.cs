using System.Globalization;
using System.IO.Pipes;
using System.Net;
using System.Net.Sockets;
using Fibers.Benchmarks.Harness;
using Microsoft.Win32.SafeHandles;

namespace Fibers.Benchmarks.Macro;

/// <summary>The process that makes the calls: reads a number, makes so many, answers with the nanoseconds each took; until its input ends.</summary>
internal static class PlainCalls
{
    public const string Verb = "plain-calls";

    private const int CallsPerTurn = 6;

    public static int Run(Arguments arguments)
    {
        bool redirected = arguments.Number("redirected", 0, least: 0) == 1;
        arguments.RejectTheRest();
        if (redirected)
        {
            using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native }); // they stay when it goes
            runtime.Run(static () => { });
        }

        (Socket near, Socket far) = Connect();
        using var reading = new AnonymousPipeServerStream(PipeDirection.In);
        using var writing = new AnonymousPipeClientStream(PipeDirection.Out, reading.ClientSafePipeHandle);
        using SafeFileHandle file = File.OpenHandle(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, options: FileOptions.DeleteOnClose);
        byte[] buffer = new byte[64];
        while (Console.In.ReadLine() is { } line)
        {
            int turns = Math.Max(1, int.Parse(line, CultureInfo.InvariantCulture) / CallsPerTurn);
            Console.WriteLine(Timed.PerOperation((long)turns * CallsPerTurn, () =>
            {
                for (int i = 0; i < turns; i++)
                {
                    near.Send(buffer);
                    far.Receive(buffer);
                    writing.Write(buffer);
                    reading.ReadExactly(buffer);
                    RandomAccess.Write(file, buffer, 0);
                    RandomAccess.Read(file, buffer, 0);
                }
            }).Value.ToString(CultureInfo.InvariantCulture));
        }

        near.Dispose();
        far.Dispose();
        return 0;
    }

    private static (Socket Near, Socket Far) Connect()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.Connect(listener.LocalEndpoint);
        return (near, listener.AcceptSocket());
    }
}

/// <summary>Our end of it.</summary>
internal sealed class PlainCallsProcess(bool redirected) : IDisposable
{
    private readonly ChildProcess _child = ChildProcess.StartSelf([PlainCalls.Verb, "--redirected", redirected ? "1" : "0"], piped: true);

    public double Measure(int calls) => double.Parse(_child.Ask(calls.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

    public void Dispose()
    {
        _child.Process.StandardInput.Close();
        _child.Process.WaitForExit();
        _child.Dispose();
    }
}
