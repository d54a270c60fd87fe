using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Fibers.Tests.ChildProcess;

/// <summary>A bit of everything on the default runtime. It prints the same whatever carries its fibers out.</summary>
internal static class SmallProgramme
{
    private const int Many = 100;

    public static int Run()
    {
        Console.WriteLine($"channel {ThroughAChannel()}");
        Console.WriteLine($"group {InAGroup()}");
        Console.WriteLine($"lock {UnderALock()}");
        Console.WriteLine($"canceled {Canceled()}");
        Console.WriteLine($"sockets {OverSockets()}");
        Console.WriteLine($"tasks {Fiber.Await(Task.WhenAll(Enumerable.Range(0, Many).Select(static i => Fiber.Spawn(() => i).AsTask()))).Sum()}");
        return 0;
    }

    private static int ThroughAChannel()
    {
        var numbers = new FiberChannel<int>(capacity: 4);
        using Fiber producer = Fiber.SpawnConcurrent(() =>
        {
            for (int i = 0; i < Many; i++)
                numbers.Send(i);
            numbers.Close();
        });
        return numbers.Sum();
    }

    private static int InAGroup()
    {
        var squares = new ConcurrentBag<int>();
        FiberGroup.Run(group =>
        {
            for (int i = 0; i < Many; i++)
            {
                int n = i;
                group.Spawn(() => squares.Add(n * n));
            }
        });
        return squares.Sum();
    }

    private static int UnderALock()
    {
        var gate = new object();
        int count = 0;
        Fiber[] fibers = [.. Enumerable.Range(0, Many).Select(_ => Fiber.SpawnConcurrent(() =>
        {
            lock (gate)
            {
                int before = count;
                Thread.Yield();
                count = before + 1;
            }
        }))];
        foreach (Fiber fiber in fibers)
            fiber.Join();
        return count;
    }

    private static FiberStatus Canceled()
    {
        Fiber stuck = Fiber.SpawnConcurrent(static () => new ManualResetEvent(false).WaitOne());
        stuck.Dispose();
        return stuck.Status;
    }

    private static int OverSockets()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start(Many);
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Fiber<int>[] clients = [.. Enumerable.Range(0, Many).Select(i => Fiber.SpawnConcurrent(() =>
        {
            using var client = new TcpClient("127.0.0.1", port);
            client.GetStream().WriteByte((byte)i);
            return client.GetStream().ReadByte();
        }))];
        for (int i = 0; i < Many; i++)
        {
            using TcpClient accepted = listener.AcceptTcpClient();
            accepted.GetStream().WriteByte((byte)(accepted.GetStream().ReadByte() + 1));
        }

        return clients.Sum(static client => client.Join());
    }
}
