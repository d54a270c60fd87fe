using System.Globalization;

namespace Fibers.Demos.Fetching;

/// <summary>The command line of <c>fetch</c>.</summary>
internal sealed class FetchOptions
{
    private FetchOptions()
    {
    }

    public int Pages { get; private set; } = 10_000;

    public int Delay { get; private set; } = 50;

    public int Concurrency { get; private set; } = 1000;

    public int Carriers { get; private set; } = Environment.ProcessorCount;

    /// <summary>Megabytes that may be allocated between two collections; 0 leaves it to .NET.</summary>
    public int Gen0 { get; private set; } = 64;

    public List<string> Ways { get; private set; } = [];

    public List<string> Urls { get; } = [];

    public static FetchOptions Parse(string[] arguments)
    {
        var options = new FetchOptions();
        var rest = new Queue<string>(arguments);
        while (rest.TryDequeue(out string? argument))
        {
            switch (argument)
            {
                case "--pages":
                    options.Pages = Number(argument, rest, 1, 1_000_000);
                    break;
                case "--delay":
                    options.Delay = Number(argument, rest, 0, 60_000);
                    break;
                case "--concurrency":
                    options.Concurrency = Number(argument, rest, 1, 100_000);
                    break;
                case "--carriers":
                    options.Carriers = Number(argument, rest, 1, 1024);
                    break;
                case "--gen0":
                    options.Gen0 = Number(argument, rest, 0, 4096);
                    break;
                case "--ways":
                    options.Ways = ParseWays(Value(argument, rest));
                    break;
                case ['-', ..]:
                    throw new UsageException($"There is no option '{argument}'; 'fetch --help' names them.");
                default:
                    options.AddUrls(argument);
                    break;
            }
        }

        // Other people's servers are asked once, not three times over.
        if (options.Ways.Count == 0)
            options.Ways = options.Urls.Count > 0 ? [Fetching.Ways.Fibers] : [.. Fetching.Ways.All];
        return options;
    }

    public static string Usage => $"""
        [options] [URL | file of URLs, one per line]...
          --pages N         pages of the demo's own server to fetch (default 10000)
          --delay MS        how long that server thinks about each (default 50)
          --concurrency N   requests under way at once (default 1000)
          --carriers N      kernel threads that run fibers (default: processors)
          --gen0 MB         allocation between two collections, for every way (default 64; 0: what .NET chooses)
          --ways LIST       of {string.Join(",", Fetching.Ways.Known)} (default: the first three; given URLs are fetched on fibers only)
        Exit code: 0 when every page came, 1 when one did not, 2 when the command line makes no sense.
        """;

    private static List<string> ParseWays(string list)
    {
        List<string> ways = [.. list.Split(',')];
        return ways.Find(way => !Fetching.Ways.Known.Contains(way)) is { } unknown
            ? throw new UsageException($"--ways knows {string.Join(", ", Fetching.Ways.Known)}, not '{unknown}'.")
            : ways;
    }

    private static string Value(string option, Queue<string> rest) =>
        rest.TryDequeue(out string? value) ? value : throw new UsageException($"{option} needs a value.");

    private static int Number(string option, Queue<string> rest, int least, int most)
    {
        string value = Value(option, rest);
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new UsageException($"{option} needs a whole number from {least:N0} to {most:N0}, not '{value}'.");
    }

    private void AddUrls(string argument)
    {
        if (IsUrl(argument))
        {
            Urls.Add(argument);
            return;
        }

        if (!File.Exists(argument))
            throw new UsageException($"'{argument}' is neither an http or https URL nor a file.");
        int line = 0;
        int before = Urls.Count;
        foreach (string text in File.ReadLines(argument))
        {
            line++;
            string url = text.Trim();
            if (url.Length == 0 || url.StartsWith('#'))
                continue;
            if (!IsUrl(url))
                throw new UsageException($"Line {line} of {argument} is not an http or https URL: '{url}'.");
            Urls.Add(url);
        }

        if (Urls.Count == before)
            throw new UsageException($"There is no URL in {argument}.");
    }

    private static bool IsUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https";
}
