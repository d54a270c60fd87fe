using Fibers.Demos.Swapping;

namespace Fibers.Demos;

/// <summary>
/// One carrier goes from one fiber to another and back, and the processor stops after every instruction of the switch. The two fibers are in
/// Swapping/SwapRecorder.cs, the routine is asm/switch_x64.S; everything shown was read from the machine.
/// </summary>
internal static class Swap
{
    public const string Usage = """
        [--full | --json FILE | --html FILE]
          --full       all registers and both stacks after each instruction
          --json FILE  the recording for programs
          --html FILE  the recording as a page to step through, forwards and backwards
        """;

    public static int Run(string[] arguments)
    {
        if (arguments is not ([] or ["--full"] or ["--json" or "--html", _]))
            throw new UsageException("The demo swap takes --full, --json FILE or --html FILE; 'swap --help' says what they do.");
        if (!SwapRecorder.IsSupported)
        {
            Console.WriteLine("This demo stops the processor after each instruction by the trap flag of x64 on Linux; this is another machine. asm/ has the same routine for yours.");
            return 0;
        }

        if (SwapRecorder.TryRecord(out string reason) is not { } recording)
        {
            Console.Error.WriteLine($"Nothing could be recorded: {reason}.");
            return 1;
        }

        switch (arguments)
        {
            case ["--json", var file]:
                WriteFile(file, SwapJson.Write(recording));
                break;
            case ["--html", var file]:
                WriteFile(file, SwapPage.Write(recording));
                Console.WriteLine($"Open {file} in a browser: it needs no network and no server.");
                break;
            default:
                new SwapText(recording, Console.IsOutputRedirected ? Console.Out : new WordWrap(Console.Out, Console.WindowWidth)).Write(everything: arguments is ["--full"]);
                break;
        }

        return 0;
    }

    private static void WriteFile(string file, string text)
    {
        try
        {
            File.WriteAllText(file, text);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"'{file}' cannot be written: {failure.Message}");
        }
    }
}
