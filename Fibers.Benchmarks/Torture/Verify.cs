namespace Fibers.Benchmarks.Torture;

/// <summary>A wrong answer ends the process at once, before anything can cover its traces.</summary>
internal static class Verify
{
    public static void That(bool right, string otherwise)
    {
        if (!right)
            Fail(otherwise);
    }

    private static void Fail(string what)
    {
        Console.Error.WriteLine($"WRONG: {what}");
        Console.Error.WriteLine(Environment.StackTrace);
        Environment.Exit(TortureCommand.Wrong);
    }
}
