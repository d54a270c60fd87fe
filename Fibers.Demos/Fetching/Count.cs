namespace Fibers.Demos.Fetching;

internal static class Count
{
    /// <summary>As a sentence has it: 0 pages, 1 page, 1,000 pages.</summary>
    public static string Of(int number, string noun) => $"{number:N0} {noun}{(number == 1 ? "" : "s")}";
}
