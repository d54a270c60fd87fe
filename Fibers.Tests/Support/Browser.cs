using Microsoft.Playwright;
using Xunit;

namespace Fibers.Tests.Support;

/// <summary>The system's Chromium without a screen; no other browser is ever downloaded.</summary>
public sealed class Browser : IAsyncLifetime
{
    private const string Program = "chromium";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Optional.Find(Program) is not { } executable)
            return; // each test says so
        _playwright = await Playwright.CreateAsync();
        // Without a sandbox, because root may not have one, and the pages are our own.
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = executable, Args = ["--no-sandbox", "--disable-gpu"] });
    }

    /// <summary>A test without it goes no further.</summary>
    public static void Require() => Optional.Require(Program, package: Program);

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    /// <summary>Opens a file that may load nothing from anywhere; whatever it tries, and every error of its script, is added to <paramref name="complaints"/>.</summary>
    public async Task<IPage> OpenAsync(string file, List<string> complaints, ColorScheme scheme = ColorScheme.Light)
    {
        IPage page = await _browser!.NewPageAsync(new BrowserNewPageOptions { ColorScheme = scheme, ViewportSize = new ViewportSize { Width = 1280, Height = 720 } });
        var own = new Uri(file);
        page.Request += (_, request) =>
        {
            if (request.Url != own.AbsoluteUri)
                complaints.Add($"asks for {request.Url}");
        };
        page.PageError += (_, error) => complaints.Add(error);
        await page.GotoAsync(own.AbsoluteUri);
        return page;
    }
}
