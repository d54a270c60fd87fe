namespace Fibers.Demos;

/// <summary>Chooses the demo. Without a name, or with options or URLs only, it is the first.</summary>
internal static class Menu
{
    private const int NotShown = 1;
    private const int BadUsage = 2;

    public static int Run(string[] arguments, Demo[] demos)
    {
        try
        {
            switch (arguments)
            {
                case ["help", ..]:
                case var _ when arguments.Any(static argument => argument is "--help" or "-h"):
                    Help(demos, Array.Find(demos, demo => arguments.Contains(demo.Name)));
                    return 0;
                case ["list"]:
                    List(demos);
                    return 0;
                case ["list", ..]:
                    throw new UsageException("'list' takes no arguments; 'NAME --help' says more of one demo.");
                case [var name, .. var rest] when Array.Find(demos, demo => demo.Name == name) is { } chosen:
                    return chosen.Run(rest);
                case [var word, ..] when IsJustAWord(word):
                    throw new UsageException($"There is no demo and no file named '{word}'; 'list' names the demos.");
                default:
                    return demos[0].Run(arguments);
            }
        }
        catch (ClaimException claim)
        {
            Console.Error.WriteLine(claim.Message);
            return NotShown;
        }
        catch (PlatformNotSupportedException lack)
        {
            Console.Error.WriteLine($"This demo shows what only the native backend does. {lack.Message}");
            return NotShown;
        }
        catch (UsageException mistake)
        {
            Console.Error.WriteLine(mistake.Message);
            return BadUsage;
        }
    }

    private static bool IsJustAWord(string argument) => !argument.StartsWith('-') && !argument.Contains("://") && !File.Exists(argument);

    private static void List(Demo[] demos)
    {
        int width = demos.Max(demo => demo.Name.Length);
        foreach (Demo demo in demos)
            Console.WriteLine($"{demo.Name.PadRight(width)}  {demo.Sentence}");
    }

    private static void Help(Demo[] demos, Demo? asked)
    {
        if (asked is not null)
        {
            Console.WriteLine(asked.Help);
            return;
        }

        Console.WriteLine("usage: dotnet run -c Release --project Fibers.Demos -- [NAME] [arguments]");
        Console.WriteLine();
        List(demos);
        Console.WriteLine();
        Console.WriteLine($"Without a name: {demos[0].Name}. 'NAME --help' names the options of a demo.");
        Console.WriteLine("Exit code: 0 when all is well, 1 when it did not come out as the demo says, 2 when the command line makes no sense.");
    }
}
