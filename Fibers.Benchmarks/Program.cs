using Fibers.Benchmarks;
using Fibers.Benchmarks.Harness;
using Fibers.Benchmarks.Macro;
using Fibers.Benchmarks.Plots;
using Fibers.Benchmarks.Scale;
using Fibers.Benchmarks.Torture;
using Spectre.Console;

if (Console.IsOutputRedirected)
{
    AnsiConsole.Profile.Capabilities.Ansi = false; // a terminal by name only: what reads this wants text
    AnsiConsole.Profile.Capabilities.ColorSystem = ColorSystem.NoColors;
}

try
{
    var arguments = new Arguments(args);
    return arguments.Verb switch
    {
        "help" => Usage(),
        "list" => BenchmarkCommand.List(),
        "plots" => PlotCommand.Run(arguments),
        "report" => BenchmarkCommand.Report(arguments),
        "torture" => TortureCommand.Run(arguments),
        "serve" => Server.Run(arguments),
        "echo-load" => EchoLoad.Run(arguments),
        PopulationServer.Verb => PopulationServer.Run(arguments),
        PlainCalls.Verb => PlainCalls.Run(arguments),
        _ => BenchmarkCommand.Run(arguments),
    };
}
catch (ArgumentException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 64;
}

static int Usage()
{
    Console.WriteLine("""
        list    what can be measured
        NAME    one of them
        quick   the first figures, in about two minutes
        all     everything
        smoke   everything, in a very short form: does it complete, and on fibers? No times.
                each: [--rounds N] [--json FILE] [--markdown FILE]  (rewrites the places of that file that are marked for the answers)
        report --json FILE[,FILE...] [--markdown FILE]
                the tables again, from such files
        plots --json FILE[,FILE...] --into FOLDER [--markdown FILE]
                what can be drawn of them
        torture [--seconds N] [--fibers N] [--carriers N] [--seed N]
                fibers under continuous forced collections, every object graph verified; the exit code says
                whether all was right (0), wrong (1), or stuck (2: it prints what every part was doing)
        """);
    return 64;
}
