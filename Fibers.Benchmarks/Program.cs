using Fibers.Benchmarks;
using Fibers.Benchmarks.Torture;

try
{
    var arguments = new Arguments(args);
    return arguments.Verb switch
    {
        "torture" => TortureCommand.Run(arguments),
        _ => Usage(),
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
        torture [--seconds N] [--fibers N] [--carriers N] [--seed N]
                fibers under continuous forced collections, every object graph verified; the exit code says
                whether all was right (0), wrong (1), or stuck (2: it prints what every part was doing)
        """);
    return 64;
}
