using System.Collections.Concurrent;

namespace Fibers.Demos;

/// <summary>The API in one page. README.md shows the inside of Take; a test compares the two.</summary>
internal static class Tour
{
    public static void Run() => FiberRuntime.Default.Run(Take);

    private static void Take()
    {
        // Spawn is asynchrony: right in any order. Ordinary blocking code parks the fiber, not the kernel thread.
        Fiber<int> answer = Fiber.Spawn(() =>
        {
            Thread.Sleep(10);
            return 42;
        });
        Console.WriteLine(answer.Join());

        // SpawnConcurrent is concurrency: it runs beside us, or throws. Channels and select connect fibers.
        var numbers = new FiberChannel<int>(capacity: 4);
        using Fiber producer = Fiber.SpawnConcurrent(() =>
        {
            for (int i = 1; i <= 5; i++)
                numbers.Send(i);
            numbers.Close();
        });
        Console.WriteLine(string.Join(", ", numbers));

        // A group ends when all of it has ended; the first failure cancels the rest.
        var squares = new ConcurrentBag<int>();
        FiberGroup.Run(group =>
        {
            for (int i = 1; i <= 3; i++)
            {
                int n = i;
                group.Spawn(() => squares.Add(n * n));
            }
        });
        Console.WriteLine(string.Join(", ", squares.Order()));

        // Cancellation and deadlines reach into blocking calls that know nothing of fibers.
        Fiber stuck = Fiber.Spawn(() => new ManualResetEvent(false).WaitOne());
        stuck.RequestCancel();
        try
        {
            stuck.Join();
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine(stuck.Status);
        }

        // Tasks and fibers wait for each other.
        Console.WriteLine(Fiber.Await(Task.Run(() => "from a task")));
        Task task = Fiber.Spawn(() => Fiber.Sleep(TimeSpan.FromMilliseconds(1))).AsTask();
        task.Wait();
    }
}
