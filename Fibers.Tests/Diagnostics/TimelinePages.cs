using Fibers.Tests.Support;
using Microsoft.Playwright;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

/// <summary>The page draws what the trace inside it says.</summary>
public sealed class TimelinePages(Browser browser) : PageTests(browser, data: "trace")
{
    [Fact]
    public async Task It_has_a_row_per_carrier_and_shows_each_run_where_the_trace_says()
    {
        (IPage page, TraceFile trace) = await OpenTraceAsync();
        string[] rows = await TextsAsync(page, ".name");
        rows.ShouldBe(trace.RowNames.OrderBy(static row => row.Value == "collections" ? -1 : row.Key).Select(static row => row.Value));
        rows.ShouldBe(["collections", "carrier 0", "carrier 1", .. rows.Where(static row => row.StartsWith("spare", StringComparison.Ordinal)), "other threads"]);
        (await page.InnerTextAsync("#range")).ShouldEndWith($"{trace.Runs.Count()} runs of {trace.Runs.Select(static run => run.Fiber).Distinct().Count()} fibers");
        foreach (TraceEvent run in trace.Runs.Where(static run => run.Name.StartsWith("worker", StringComparison.Ordinal)))
        {
            int index = Array.IndexOf(trace.Events, run);
            Box box = await page.EvaluateAsync<Box>(GoTo, index);
            box.From.ShouldBe((double)run.Begin, box.Pixel); // to the pixel
            box.To.ShouldBe((double)run.End, box.Pixel * 2);
            box.Row.ShouldBe(trace.RowNames[run.Row]);
            string details = await page.InnerTextAsync("#details");
            details.ShouldStartWith($"{run.Name}, on {box.Row}, at ");
            details.ShouldEndWith($"Before: {run.Woken}. Then: {run.Then}.");
        }
    }

    [Fact]
    public async Task Arrows_lead_from_whoever_woke_a_run()
    {
        (IPage page, TraceFile trace) = await OpenTraceAsync();
        (TraceEvent start, TraceEvent end) = trace.Flows.First();
        TraceEvent woken = trace.Runs.Single(run => run.Row == end.Row && run.Begin == end.Begin);
        await page.EvaluateAsync("index => { goTo(events[index]); look(everything.from, everything.to); }", Array.IndexOf(trace.Events, woken));
        (await page.EvaluateAsync<int[]>("() => [...document.querySelectorAll('.arrow')].map(arrow => Number(arrow.dataset.flow))")).ShouldContain((int)start.Flow);
    }

    [Fact]
    public async Task Keys_and_buttons_zoom_and_move()
    {
        (IPage page, _) = await OpenAsync();
        (double From, double To) all = await ViewAsync(page);
        await page.Keyboard.PressAsync("+");
        (double From, double To) near = await ViewAsync(page);
        (near.To - near.From).ShouldBe((all.To - all.From) / 2, (all.To - all.From) / 1000);
        await page.Keyboard.PressAsync("ArrowRight");
        (await ViewAsync(page)).From.ShouldBeGreaterThan(near.From);
        await page.ClickAsync("#out");
        await page.Keyboard.PressAsync("Home");
        await ShouldShowAsync(page, all);
        await page.ClickAsync("#in");
        await ShouldShowAsync(page, near);
        await page.ClickAsync("#all");
        await ShouldShowAsync(page, all);
    }

    // Two carriers, a few workers that hand numbers to one another.
    protected override void Write(string file) => Bounded.Run(() =>
    {
        using FiberRuntime runtime = Runtimes.Start(new FiberRuntimeOptions { Backend = FiberBackend.Native, Carriers = 2, Timeline = file });
        runtime.Run(static () =>
        {
            var numbers = new FiberChannel<int>(capacity: 1);
            Fiber[] workers = [.. Enumerable.Range(0, 6).Select(i => Fiber.SpawnConcurrent(() =>
            {
                for (int turn = 0; turn < 3; turn++)
                {
                    if (i % 2 == 0)
                        numbers.Send(turn);
                    else
                        numbers.Receive();
                    Fiber.Sleep(TimeSpan.FromMilliseconds(1));
                }
            }, new FiberOptions { Name = $"worker {i}" }))];
            foreach (Fiber worker in workers)
                worker.Join();
        });
        GC.Collect();
    });

    private async Task<(IPage, TraceFile)> OpenTraceAsync()
    {
        (IPage page, string data) = await OpenAsync();
        return (page, new TraceFile(data));
    }

    private static async Task<string[]> TextsAsync(IPage page, string selector) => [.. await page.Locator(selector).AllTextContentsAsync()];

    private static async Task<(double From, double To)> ViewAsync(IPage page)
    {
        double[] view = await page.EvaluateAsync<double[]>("() => [view.from, view.to]");
        return (view[0], view[1]);
    }

    private static async Task ShouldShowAsync(IPage page, (double From, double To) expected)
    {
        (double from, double to) = await ViewAsync(page);
        from.ShouldBe(expected.From, 0.001);
        to.ShouldBe(expected.To, 0.001);
    }

    // Where the box of an event is, as its pixels say.
    private const string GoTo = """
        index => {
            goTo(events[index]);
            const box = document.querySelector(`rect[data-index="${index}"]`), pixel = (view.to - view.from) / width();
            const at = pixels => view.from + (pixels - labelWidth) * pixel;
            const from = Number(box.getAttribute("x")), across = Number(box.getAttribute("width"));
            const names = [...document.querySelectorAll(".name")].filter(name => Math.abs(Number(name.getAttribute("y")) - Number(box.getAttribute("y")) - 16) < 1);
            return { from: at(from), to: at(from + across), pixel, row: names[0].textContent };
        }
        """;

    private sealed class Box
    {
        public double From { get; set; }

        public double To { get; set; }

        public double Pixel { get; set; }

        public string Row { get; set; } = "";
    }
}
