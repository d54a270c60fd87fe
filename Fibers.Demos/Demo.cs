namespace Fibers.Demos;

/// <summary>One demo: a name to run it by, one sentence, and what to run with the arguments after the name. It returns the exit code.</summary>
internal sealed record Demo(string Name, string Sentence, Func<string[], int> Run)
{
    /// <summary>What may follow the name, and what it does.</summary>
    public string Usage { get; init; } = "";

    public string Help => $"{Sentence}\n\n{$"usage: {Name} {Usage}".TrimEnd()}";

    public Demo(string name, string sentence, Action run)
        : this(name, sentence, arguments =>
        {
            if (arguments.Length > 0)
                throw new UsageException($"The demo {name} takes no arguments.");
            run();
            return 0;
        })
    {
    }
}

/// <summary>The command line makes no sense; the message is the one sentence that says why.</summary>
internal sealed class UsageException(string message) : Exception(message);
