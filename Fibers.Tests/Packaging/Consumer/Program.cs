// What somebody who installed the package might run. One line per thing it found out, for PackageTests to read.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
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
