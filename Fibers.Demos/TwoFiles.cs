namespace Fibers.Demos;

/// <summary>Two files are saved. Neither needs the other, so any order is right: that is asynchrony, and Spawn says it.</summary>
internal static class TwoFiles
{
    public static void Run()
    {
        foreach (FiberBackend backend in (FiberBackend[])[FiberBackend.Auto, FiberBackend.Inline])
        {
            using var runtime = new FiberRuntime(new FiberRuntimeOptions { Backend = backend, Carriers = 1 });
            Console.WriteLine($"{runtime.Backend}:");
            runtime.Run(SaveBoth);
        }

        Console.WriteLine("The same code, twice. Side by side or one after the other, both files are saved: Spawn promises no more than that.");
    }

    private static void SaveBoth()
    {
        string folder = Directory.CreateTempSubdirectory("fibers-two-files-").FullName;
        try
        {
            using Fiber a = Fiber.Spawn(() => Save(folder, "a.txt", milliseconds: 20));
            using Fiber b = Fiber.Spawn(() => Save(folder, "b.txt", milliseconds: 100));
            Console.WriteLine("  both are spawned");
            a.Join();
            b.Join();
            Console.WriteLine($"  saved: {string.Join(", ", Directory.GetFiles(folder).Select(Path.GetFileName).Order())}{(a.RanInline ? ", inline: each ran inside its Spawn" : "")}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Save(string folder, string name, int milliseconds)
    {
        Console.WriteLine($"  {name}: begin");
        Thread.Sleep(milliseconds); // a slow disk: parks the fiber, blocks a plain thread
        File.WriteAllText(Path.Combine(folder, name), "some data");
        Console.WriteLine($"  {name}: end");
    }
}
