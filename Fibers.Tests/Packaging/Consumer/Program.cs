// What somebody who installed the package might run. One line per thing it found out, for PackageTests to read.
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using Fibers;

const int Clients = 200;
using var runtime = new FiberRuntime(new FiberRuntimeOptions { Carriers = 1 });
Console.WriteLine($"Backend={runtime.Backend}{runtime.FallbackReason}");

// A server that answers only when everybody has asked: all of them wait in Socket.Receive at once.
using var listener = new TcpListener(IPAddress.Loopback, 0);
listener.Start(Clients);
int port = ((IPEndPoint)listener.LocalEndpoint).Port;
using var everybodyAsked = new CountdownEvent(Clients);
Fiber server = runtime.SpawnConcurrent(() =>
{
    for (int i = 0; i < Clients; i++)
    {
        Socket accepted = listener.AcceptSocket();
        runtime.SpawnConcurrent(() =>
        {
            using Socket client = accepted;
            var question = new byte[1];
            client.Receive(question);
            everybodyAsked.Signal();
            everybodyAsked.Wait();
            client.Send([(byte)(question[0] + 1)]);
        });
    }
});
Fiber<int>[] clients = [.. Enumerable.Range(0, Clients).Select(i => runtime.SpawnConcurrent(() =>
{
    using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    client.Connect(IPAddress.Loopback, port);
    client.Send([(byte)i]);
    var answer = new byte[1];
    return client.Receive(answer) == 1 ? (int)answer[0] : throw new EndOfStreamException();
}))];
everybodyAsked.Wait();
int threads = Directory.GetDirectories("/proc/self/task").Length;
Console.WriteLine($"Sum={clients.Sum(static client => client.Join())}");
server.Join();
Console.WriteLine($"Threads={threads}");

// Other calls that libSystem.Native makes for managed code.
Console.WriteLine($"File={runtime.Run(() =>
{
    string path = Path.GetTempFileName();
    File.WriteAllText(path, "written on a fiber");
    string text = File.ReadAllText(path);
    File.Delete(path);
    return text;
})}");
Console.WriteLine($"Process={runtime.Run(() =>
{
    using Process child = Process.Start(new ProcessStartInfo("echo", "from a child") { RedirectStandardOutput = true })!;
    string output = child.StandardOutput.ReadToEnd().Trim();
    child.WaitForExit();
    return output;
})}");

// And a collection while a fiber is parked with something only its stack knows.
Console.WriteLine($"Kept={runtime.Run(() =>
{
    var kept = new object[] { "kept" };
    using Fiber other = runtime.SpawnConcurrent(() => GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true));
    Thread.Sleep(1);
    other.Join();
    return kept[0];
})}");

// What the dumps say of a fiber that waits for a lock of ours, in a method of ours.
var door = new Lock();
door.Enter();
Fiber waiting = runtime.SpawnConcurrent(WaitAtTheDoor, new FiberOptions { Name = "guest" });
string there = runtime.Backend == FiberBackend.Native ? "\"guest\": parked" : "\"guest\": waiting";
SpinWait.SpinUntil(() => Dump().Contains(there, StringComparison.Ordinal), TimeSpan.FromSeconds(10));
Console.WriteLine($"TextDump={Dump().ReplaceLineEndings(" ")}");
using var json = new MemoryStream();
runtime.DumpJson(json);
Console.WriteLine($"JsonDump={Encoding.UTF8.GetString(json.ToArray()).ReplaceLineEndings("")}");
door.Exit();
waiting.Join();

// What tools hear.
using var events = new SpawnListener();
using var meters = new MeterListener();
long spawned = 0;
meters.InstrumentPublished = (instrument, listener) =>
{
    if (instrument.Name == "fibers.spawned")
        listener.EnableMeasurementEvents(instrument);
};
meters.SetMeasurementEventCallback<long>((_, measurement, _, _) => spawned += measurement);
meters.Start();
runtime.SpawnConcurrent(static () => { }).Join();
meters.RecordObservableInstruments();
Console.WriteLine($"Events={events.Heard}");
Console.WriteLine($"Meter={spawned == runtime.Statistics.Spawned}");

[MethodImpl(MethodImplOptions.NoInlining)]
void WaitAtTheDoor()
{
    lock (door)
    {
    }
}

string Dump()
{
    var text = new StringWriter();
    runtime.Dump(text);
    return text.ToString();
}

internal sealed class SpawnListener : EventListener
{
    private volatile bool _heard;

    public bool Heard => _heard;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "Fibers")
            EnableEvents(eventSource, EventLevel.LogAlways);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        _heard |= eventData is { EventName: "FiberSpawned", Payload: [long, string, long] };
    }
}
