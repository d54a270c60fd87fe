using System.Collections.Concurrent;

namespace Fibers.Demos;

/// <summary>
/// [ThreadStatic], lock and errno all hang off one register, the thread pointer. A switch that left it behind would hand every fiber the
/// carrier's; ours swaps it with the stack.
/// </summary>
internal static class ThreadLocals
{
    [ThreadStatic]
    private static string? t_mine;

    public static void Run()
    {
        using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 1 });
        object gate = new();
        int inside = 0, mostInside = 0;
        var said = new ConcurrentQueue<string>(); // printed at the end: writing to the console parks, and would change who runs when
        Console.WriteLine($"{runtime.Backend}, one carrier, two fibers:");
        runtime.Run(() =>
        {
            Fiber[] fibers = [.. ((string[])["red", "blue"]).Select(colour => Fiber.SpawnConcurrent(() =>
            {
                t_mine = colour;
                for (int turn = 1; turn <= 3; turn++)
                {
                    Fiber.Yield(); // the other one runs here, on the same kernel thread
                    said.Enqueue($"  {colour,-4}  turn {turn}  t_mine = {t_mine,-4}  managed thread {Environment.CurrentManagedThreadId}  {KernelThread()}");
                }

                lock (gate)
                {
                    mostInside = Math.Max(mostInside, ++inside);
                    Fiber.Yield(); // holding the lock, on the carrier the other one wants it on
                    inside--;
                }
            }))];
            foreach (Fiber fiber in fibers)
                fiber.Join();
        });
        foreach (string line in said)
            Console.WriteLine(line);
        Claim.That(mostInside == 1, "One carrier, yet each fiber kept its own t_mine, and at most one was inside the lock: to .NET they are two threads.");
    }

    // The kernel's own word for who executes this: /proc/thread-self names the kernel thread, whatever the program believes.
    private static string KernelThread() =>
        OperatingSystem.IsLinux() ? $"kernel thread {Path.GetFileName(File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: false)!.FullName)}" : "";
}
