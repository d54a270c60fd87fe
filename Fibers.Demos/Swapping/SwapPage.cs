namespace Fibers.Demos.Swapping;

/// <summary>A recording as one page that needs nothing else: no server, no network.</summary>
internal static class SwapPage
{
    public static string Write(SwapRecording recording) =>
        Resource("swap.html").Replace("{{script}}", Resource("swap.js")).Replace("{{recording}}", SwapJson.Write(recording)); // the JSON escapes every <

    private static string Resource(string name)
    {
        using Stream stream = typeof(SwapPage).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not in this assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
