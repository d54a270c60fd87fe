using System.Globalization;

namespace Fibers.Benchmarks;

/// <summary>The command line: a verb, then <c>--name value</c> pairs.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _values = [];

    public Arguments(string[] words)
    {
        int first = words.Length > 0 && !words[0].StartsWith("--", StringComparison.Ordinal) ? 1 : 0;
        Verb = first == 1 ? words[0] : "help";
        for (int i = first; i < words.Length; i += 2)
        {
            if (!words[i].StartsWith("--", StringComparison.Ordinal))
                throw new ArgumentException($"Expected an option, found '{words[i]}'.");
            if (i + 1 == words.Length)
                throw new ArgumentException($"The option {words[i]} needs a value.");
            _values[words[i][2..]] = words[i + 1];
        }
    }

    public string Verb { get; }

    public string? Text(string name) => _values.Remove(name, out string? value) ? value : null;

    public int Number(string name, int otherwise, int least = 1)
    {
        if (Text(name) is not { } text)
            return otherwise;
        if (!int.TryParse(text, CultureInfo.InvariantCulture, out int number) || number < least)
            throw new ArgumentException($"--{name} needs a whole number of at least {least}, not '{text}'.");
        return number;
    }

    /// <summary>Every option has been asked for by now; one that is left was misspelt.</summary>
    public void RejectTheRest()
    {
        if (_values.Count > 0)
            throw new ArgumentException($"'{Verb}' has no option --{_values.Keys.First()}.");
    }
}
