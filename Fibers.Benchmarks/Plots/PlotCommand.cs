using System.Globalization;
using Fibers.Benchmarks.Harness;

namespace Fibers.Benchmarks.Plots;

/// <summary>plots --json FILE[,FILE...] --into FOLDER [--markdown FILE]: every plot whose answers are in the files.</summary>
internal static class PlotCommand
{
    // A file's name, and how it is drawn. A place along the bottom is an answer's name.
    private static readonly IReadOnlyList<Plot> s_plots =
    [
        new("http", "HTTP responder by number of connections", false, static chart => chart.AsBars(), [("64", "http-64"), ("1,000", "http-1000"), ("10,000", "http-10000")]),
        new("creation", "Created and parked, by how many there are already", false, static chart => chart.AsLines(), [.. Enumerable.Range(0, 10).Select(static block => (string.Create(CultureInfo.InvariantCulture, $"{block * 10_000:N0}"), $"scale-100000/create-{block}"))]),
        new("pauses-by-number", "Pause of a generation 0 collection, 30 frames deep, by number parked", true, static chart => chart.AsLines(), [.. ((string[])["100", "1,000", "10,000"]).Select(static number => (number, $"pauses-{number.Replace(",", "")}-30/generation-0"))]),
        new("pauses-by-depth", "Pause of a generation 0 collection, 10,000 parked, by frames", true, static chart => chart.AsLines(), [.. ((string[])["1", "10", "30", "100"]).Select(static depth => (depth, $"pauses-10000-{depth}/generation-0"))]),
    ];

    public static int Run(Arguments arguments)
    {
        string? files = arguments.Text("json"), folder = arguments.Text("into"), markdown = arguments.Text("markdown");
        arguments.RejectTheRest();
        if (files is null || folder is null)
            throw new ArgumentException("plots --json FILE[,FILE...] --into FOLDER [--markdown FILE]");
        var answers = new Dictionary<string, Answer>();
        foreach (Answer answer in files.Split(',').SelectMany(static file => Results.Load(file).Answers))
            answers[answer.Name] = answer; // the later file is the newer
        Directory.CreateDirectory(folder);
        foreach (Plot plot in s_plots)
        {
            Answer[] told = [.. plot.Places.Where(place => answers.ContainsKey(place.Answer)).Select(place => answers[place.Answer])];
            if (told.Length < plot.Places.Count)
            {
                Console.WriteLine($"{plot.Name} is left out: the files lack some of its answers");
                continue;
            }

            string file = Path.Combine(folder, $"{plot.Name}.svg");
            File.WriteAllText(file, plot.Draw(ChartOf(plot, told)));
            if (markdown is not null)
                MarkdownTables.Show(markdown, plot.Name, plot.Title, file);
            Console.WriteLine(file);
        }

        return 0;
    }

    private static Chart ChartOf(Plot plot, IReadOnlyList<Answer> answers) => new(plot.Title, answers[0].Unit, plot.Logarithmic, [.. plot.Places.Select(static place => place.Label)],
        [.. Wording.Contenders(answers).Select(contender => new Chart.Values(contender, [.. answers.Select(answer => answer.Lines.FirstOrDefault(line => line.Contender == contender)?.Median)]))]);

    private sealed record Plot(string Name, string Title, bool Logarithmic, Func<Chart, string> Draw, IReadOnlyList<(string Label, string Answer)> Places);
}
