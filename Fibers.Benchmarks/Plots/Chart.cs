namespace Fibers.Benchmarks.Plots;

/// <summary>What is common to the plots: a title, a frame, a scale up the left side, and a legend.</summary>
/// <param name="Title">Above it.</param>
/// <param name="Unit">Of the values.</param>
/// <param name="Logarithmic">Each line of the scale is ten times the one below it.</param>
/// <param name="Places">The names along the bottom.</param>
/// <param name="Series">A value for each place, or null where there is none.</param>
internal sealed record Chart(string Title, string Unit, bool Logarithmic, IReadOnlyList<string> Places, IReadOnlyList<Chart.Values> Series)
{
    private const int Width = 760;
    private const int Height = 380;
    private const int Left = 80;
    private const int Right = 180;
    private const int Top = 40;
    private const int Bottom = 40;
    private const int GridLines = 5;
    private const double BarShare = 0.8; // of a place's width; the rest is the gap

    private double _low;
    private double _high;

    private static double PlotWidth => Width - Left - Right;

    private double PlaceWidth => PlotWidth / Places.Count;

    public string AsLines() => Draw(svg =>
    {
        for (int series = 0; series < Series.Count; series++)
        {
            string colour = Svg.Colour(series);
            (double X, double Y)[] points = [.. Series[series].Of.Select((value, place) => (X: Left + (place + 0.5) * PlaceWidth, Value: value)).Where(static point => point.Value is not null).Select(point => (point.X, Y(point.Value!.Value)))];
            svg.Path(points, colour);
            foreach ((double x, double y) in points)
                svg.Dot(x, y, colour);
        }
    });

    public string AsBars() => Draw(svg =>
    {
        double width = PlaceWidth * BarShare / Series.Count;
        for (int series = 0; series < Series.Count; series++)
        {
            for (int place = 0; place < Places.Count; place++)
            {
                if (Series[series].Of[place] is { } value)
                    svg.Bar(Left + place * PlaceWidth + PlaceWidth * (1 - BarShare) / 2 + series * width, Y(value), width, Height - Bottom - Y(value), Svg.Colour(series));
            }
        }
    });

    private string Draw(Action<Svg> values)
    {
        var svg = new Svg(Width, Height);
        double highest = Series.SelectMany(static series => series.Of).Max() ?? throw new InvalidOperationException($"There is nothing to plot: {Title}.");
        double lowest = Series.SelectMany(static series => series.Of).Min()!.Value;
        double step = Logarithmic ? 1 : RoundStep(highest / GridLines);
        (_low, _high) = Logarithmic ? (Math.Floor(Math.Log10(lowest)), Math.Ceiling(Math.Log10(highest))) : (0, Math.Ceiling(highest / step) * step);
        svg.Text(Left, Top / 2.0, $"{Title} ({Unit})", size: 14);
        for (double at = _low; at <= _high + step / 2; at += step)
        {
            double value = Logarithmic ? Math.Pow(10, at) : at;
            svg.Line(Left, Y(value), Width - Right, Y(value));
            svg.Text(Left - 6, Y(value) + 4, Harness.Wording.Number(value), Svg.Anchor.End);
        }

        for (int place = 0; place < Places.Count; place++)
            svg.Text(Left + (place + 0.5) * PlaceWidth, Height - Bottom + 18, Places[place], Svg.Anchor.Middle);
        for (int series = 0; series < Series.Count; series++)
        {
            double y = Top + 10 + series * 20;
            svg.Bar(Width - Right + 10, y - 9, 10, 10, Svg.Colour(series));
            svg.Text(Width - Right + 26, y, Series[series].Name);
        }

        values(svg);
        return svg.ToString();
    }

    // The next of 1, 2, 5, 10, 20, 50 ...
    private static double RoundStep(double least)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return power * (least / power <= 1 ? 1 : least / power <= 2 ? 2 : least / power <= 5 ? 5 : 10);
    }

    private double Y(double value)
    {
        double at = Logarithmic ? Math.Log10(value) : value;
        return Height - Bottom - (at - _low) / (_high - _low) * (Height - Top - Bottom);
    }

    public sealed record Values(string Name, IReadOnlyList<double?> Of);
}
