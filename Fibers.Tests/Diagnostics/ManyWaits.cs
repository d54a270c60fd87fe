using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Fibers.Tests.Support;

namespace Fibers.Tests.Diagnostics;

/// <summary>Fibers in seventeen different waits, and what a dump must say of each: arranged here, so that the dump can be checked against it.</summary>
internal sealed class ManyWaits : IDisposable
{
    private readonly FiberRuntime _runtime;
    private readonly CancellationTokenSource _end = new();
    private readonly FiberChannel<int> _empty = new(0, "empty"), _full = new(0, "full");
    private readonly ManualResetEvent _event = new(false);
    private readonly ManualResetEventSlim _slim = new(false);
    private readonly SemaphoreSlim _semaphore = new(0);
    private readonly TaskCompletionSource _task = new();
    private readonly object _monitor = new();
    private readonly object _pulsed = new();
    private readonly Lock _lock = new();
    private readonly Fiber _owner;
    private readonly Fiber _joined;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _sockets = [];
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };

    public ManyWaits(FiberRuntime runtime, int each)
    {
        _runtime = runtime;
        _listener.Start();
        _joined = runtime.SpawnConcurrent(() => _empty.Receive(out _), new FiberOptions { Name = "joined" });
        _owner = runtime.SpawnConcurrent(Own, new FiberOptions { Name = "owner" });
        Eventually.True(() => FiberState.IsParked(_owner), "the locks are taken");
        Action[] waits = [Receive, Send, SleepInFiber, SleepInThread, Join, WaitForEvent, WaitForSlimEvent, WaitForSemaphore, WaitForTask, AwaitTask, EnterMonitor, EnterLock, WaitForPulse, ParkItself, Select, SendOverHttp];
        for (int i = 0; i < each; i++)
            Spawn(Connected()); // first: those that come to the listener later are HTTP's
        foreach (Action wait in waits)
            for (int i = 0; i < each; i++)
                Spawn(wait, ReasonOf(wait.Method.Name));
        for (int i = 0; i < each; i++)
            TakeRequest();
        Eventually.True(() => Arranged.All(static one => FiberState.IsParked(one.Fiber)), "every fiber is parked");
    }

    public List<(Fiber Fiber, string Reason, string Method)> Arranged { get; } = [];

    // From here its sender waits for the answer, and for nothing else.
    private void TakeRequest()
    {
        Socket accepted = _listener.AcceptSocket();
        _sockets.Add(accepted);
        accepted.Receive(new byte[1]);
    }

    public void Dispose()
    {
        _end.Cancel();
        _empty.Close();
        foreach (var one in Arranged)
            one.Fiber.RequestCancel();
        _owner.RequestCancel();
        _event.Set();
        _slim.Set();
        _semaphore.Release(Arranged.Count);
        _task.SetResult();
        foreach (var one in Arranged)
            one.Fiber.Dispose();
        _owner.Dispose();
        _joined.Dispose();
        foreach (Socket socket in _sockets)
            socket.Dispose();
        _listener.Stop();
        _http.Dispose();
    }

    private string ReasonOf(string method) => method switch
    {
        nameof(Receive) => "receiving from channel \"empty\"",
        nameof(Send) => "sending on channel \"full\"",
        nameof(SleepInFiber) or nameof(SleepInThread) => "sleeping, ",
        nameof(Join) => $"joining fiber {_joined.Id} \"joined\"",
        nameof(WaitForEvent) => "waiting for an event, mutex or semaphore",
        nameof(WaitForSlimEvent) => "waiting for a ManualResetEventSlim",
        nameof(WaitForSemaphore) => "waiting for a SemaphoreSlim",
        nameof(WaitForTask) or nameof(AwaitTask) => "waiting for a task",
        nameof(EnterMonitor) => $"waiting for a monitor held by fiber {_owner.Id} \"owner\"",
        nameof(EnterLock) => $"waiting for a Lock held by fiber {_owner.Id} \"owner\"",
        nameof(WaitForPulse) => "waiting for a pulse of a monitor",
        nameof(ParkItself) => "parked in a FiberParker",
        nameof(SendOverHttp) => "waiting for an HTTP response",
        _ => "in a select on 2 cases",
    };

    private void Spawn(Action wait, string reason) => Arranged.Add((_runtime.SpawnConcurrent(wait), reason, wait.Method.Name));

    private void Spawn((Action Wait, string Reason) connected) => Spawn(connected.Wait, connected.Reason);

    private void Own()
    {
        lock (_monitor)
        {
            lock (_lock)
                Fiber.Sleep(Timeout.InfiniteTimeSpan);
        }
    }

    private (Action Wait, string Reason) Connected()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(_listener.LocalEndpoint);
        Socket server = _listener.AcceptSocket();
        _sockets.Add(client);
        _sockets.Add(server);
        return (new Reader(client).ReadFromSocket, $"reading from {client.RemoteEndPoint} on fd {client.Handle}");
    }

    private sealed class Reader(Socket socket)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        public void ReadFromSocket() => socket.Receive(new byte[1]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Receive() => _empty.Receive(out _);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Send() => _full.Send(1);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SleepInFiber() => Fiber.Sleep(TimeSpan.FromHours(1));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SleepInThread() => Thread.Sleep(3_600_000);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Join() => _joined.Join();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WaitForEvent() => _event.WaitOne();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WaitForSlimEvent() => _slim.Wait();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WaitForSemaphore() => _semaphore.Wait();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WaitForTask() => _task.Task.Wait();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AwaitTask() => Fiber.Await(_task.Task);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnterMonitor()
    {
        lock (_monitor)
            GC.KeepAlive(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnterLock()
    {
        lock (_lock)
            GC.KeepAlive(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WaitForPulse()
    {
        lock (_pulsed)
            Monitor.Wait(_pulsed);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ParkItself() => new FiberParker().Park();

    // Inside a library that knows nothing of fibers: the server never answers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SendOverHttp() => _http.Send(new HttpRequestMessage(HttpMethod.Get, $"http://{_listener.LocalEndpoint}/"));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Select() => new FiberSelect().Receive(_empty, closed: static () => { }).Join(_joined).Run();
}
