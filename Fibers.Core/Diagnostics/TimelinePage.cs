namespace Fibers.Diagnostics;

/// <summary>A trace as one page that needs nothing else: no server, no network.</summary>
internal static class TimelinePage
{
    public static string Around(string trace) =>
        Resource("timeline.html").Replace("{{script}}", Resource("timeline.js")).Replace("{{trace}}", trace); // the JSON escapes every <

    private static string Resource(string name)
    {
        using Stream stream = typeof(TimelinePage).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not in this assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
