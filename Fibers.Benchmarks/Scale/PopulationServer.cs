using System.Globalization;
using Fibers.Benchmarks.Harness;
using Fibers.Benchmarks.Micro;

namespace Fibers.Benchmarks.Scale;

/// <summary>The process that holds a population. One command a line, one line of numbers in answer; ends at the end of input.</summary>
internal static class PopulationServer
{
    public const string Verb = "population";

    public static int Run(Arguments arguments)
    {
        string? kind = arguments.Text("kind");
        int depth = arguments.Number("depth", 1), warmUps = arguments.Number("warm-ups", 1);
        arguments.RejectTheRest();
        for (int i = 0; i < warmUps; i++)
            WarmUp(kind, depth);
        MemoryUse before = MemoryUse.Take([]);
        using Population population = Population.Of(kind, depth);
        while (Console.In.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            Console.WriteLine(words switch
            {
                ["add", var number] => Join(population.Add(Number(number)).TotalMicroseconds),
                ["memory"] => Memory(MemoryUse.Take(population.StackAddresses) - before),
                ["resident"] => Join(MemoryUse.ResidentNow),
                ["pause", var generation, var times] => Join([.. Pauses.Of(Number(generation), Number(times))]),
                ["garbage", var megabytes] => Join(Garbage.Make(Number(megabytes))),
                ["yield", var times] => Join(Yielding.Fibers(Runtimes.With(1), 2, Number(times)).Value),
                ["wake"] => Join(population.WakeAll().TotalMicroseconds),
                ["end"] => Join(population.End().TotalMicroseconds),
                ["use"] => population.FiberUse.ToString(),
                _ => throw new ArgumentException($"There is no command '{line}'."),
            });
        }

        return 0;
    }

    // What is made once (the runtime, compiled code, this code's own) is no part of what each costs. Few at a time, and several times: the runtime begins to
    // count calls when no new code has come for a tenth of a second, and compiles what was called thirty times since, beside the rest.
    private static void WarmUp(string? kind, int depth)
    {
        using Population population = Population.Of(kind, depth);
        population.Add(50);
        _ = MemoryUse.Take(population.StackAddresses);
        population.WakeAll();
        population.End();
        Thread.Sleep(200);
    }

    private static string Memory(MemoryUse use) => Join(use.Resident, use.Stacks, ThreadBlock.Measure(), use.ManagedHeap, use.PageTables, use.KernelThreads);

    private static string Join(params double[] numbers) => string.Join(' ', numbers.Select(static number => number.ToString("R", CultureInfo.InvariantCulture)));

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
