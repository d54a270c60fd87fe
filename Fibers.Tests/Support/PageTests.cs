using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Support;

/// <summary>Looks in a browser at a page with its data inside. It may ask for nothing, and its script may not fail.</summary>
/// <param name="browser">Where.</param>
/// <param name="data">The id of the element that holds the data.</param>
public abstract class PageTests(Browser browser, string data) : IClassFixture<Browser>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fibers-page-").FullName;
    private readonly List<string> _complaints = [];

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _complaints.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task It_follows_the_system_between_light_and_dark_until_it_is_told_otherwise(ColorScheme scheme)
    {
        (IPage page, _) = await OpenAsync(scheme);
        bool dark = await IsDarkAsync(page);
        dark.ShouldBe(scheme == ColorScheme.Dark);
        await page.ClickAsync("#theme");
        (await IsDarkAsync(page)).ShouldBe(!dark);
    }

    /// <summary>Writes the page.</summary>
    protected abstract void Write(string file);

    protected async Task<(IPage Page, string Data)> OpenAsync(ColorScheme scheme = ColorScheme.Light)
    {
        Browser.Require();
        string file = Path.Combine(_folder, "page.html");
        Write(file);
        IPage page = await browser.OpenAsync(file, _complaints, scheme);
        return (page, Regex.Match(await File.ReadAllTextAsync(file), $"""<script type="application/json" id="{data}">(.*?)</script>""").Groups[1].Value);
    }

    private static Task<bool> IsDarkAsync(IPage page) =>
        page.EvaluateAsync<bool>("() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b) < 3 * 128");
}
