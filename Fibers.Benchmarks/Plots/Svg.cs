using System.Globalization;
using System.Text;

namespace Fibers.Benchmarks.Plots;

/// <summary>The few shapes a plot needs, as text. Colours suit light and dark pages.</summary>
internal sealed class Svg(int width, int height)
{
    private static readonly string[] s_colours = ["#2f81f7", "#d29922", "#3fb950", "#db61a2", "#8b949e"];

    private readonly StringBuilder _shapes = new();

    public enum Anchor
    {
        Start,
        Middle,
        End,
    }

    public static string Colour(int series) => s_colours[series % s_colours.Length];

    public void Line(double x1, double y1, double x2, double y2) => Add($"""<line x1="{x1:F1}" y1="{y1:F1}" x2="{x2:F1}" y2="{y2:F1}" stroke="#8b949e" stroke-width="0.5"/>""");

    public void Path(IEnumerable<(double X, double Y)> points, string colour) =>
        Add($"""<polyline points="{string.Join(' ', points.Select(static point => string.Create(CultureInfo.InvariantCulture, $"{point.X:F1},{point.Y:F1}")))}" fill="none" stroke="{colour}" stroke-width="2"/>""");

    public void Dot(double x, double y, string colour) => Add($"""<circle cx="{x:F1}" cy="{y:F1}" r="3" fill="{colour}"/>""");

    public void Bar(double x, double y, double barWidth, double barHeight, string colour) =>
        Add($"""<rect x="{x:F1}" y="{y:F1}" width="{barWidth:F1}" height="{barHeight:F1}" fill="{colour}"/>""");

    public void Text(double x, double y, string words, Anchor anchor = Anchor.Start, int size = 12) =>
        Add($"""<text x="{x:F1}" y="{y:F1}" font-size="{size}" text-anchor="{anchor.ToString().ToLowerInvariant()}" fill="#8b949e">{System.Net.WebUtility.HtmlEncode(words)}</text>""");

    public override string ToString() =>
        $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif">""" + $"\n{_shapes}</svg>\n";

    private void Add(FormattableString shape) => _shapes.Append(shape.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
