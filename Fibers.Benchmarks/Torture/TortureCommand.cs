namespace Fibers.Benchmarks.Torture;

/// <summary>
/// Runs the torture in a process of its own, so that a crash or a hang of everything in it, the collector included, is still
/// seen and reported from outside.
/// </summary>
internal static class TortureCommand
{
    public const int Wrong = 1;
    public const int Stuck = 2;

    private const string BoardOption = "board";

    public static int Run(Arguments arguments)
    {
        string? boardPath = arguments.Text(BoardOption);
        TortureSettings settings = TortureSettings.From(arguments);
        arguments.RejectTheRest();
        if (boardPath is not null)
        {
            using var board = new Board(boardPath, settings.Slots);
            return new TorturedProcess(settings, board).Run();
        }

        string path = Path.GetTempFileName();
        try
        {
            using var board = new Board(path, settings.Slots);
            string[] child = ["torture", "--seconds", $"{settings.Seconds}", "--fibers", $"{settings.Fibers}", "--carriers", $"{settings.Carriers}", "--seed", $"{settings.Seed}", $"--{BoardOption}", path];
            Console.WriteLine($"torture: {settings.Seconds} s, {settings.Fibers} fibers, {settings.Carriers} carriers, --seed {settings.Seed}");
            return new Supervisor(settings, board).Watch(child);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
