using System.Runtime.InteropServices;
using Fibers.Tests.Support;
using Microsoft.Playwright;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>The page steps, and what it shows is what was recorded.</summary>
public sealed class SwapPages(Browser browser) : PageTests(browser, data: "recording")
{
    [Fact]
    public async Task Every_step_forwards_and_backwards_shows_the_recorded_values()
    {
        (IPage page, SwapRecordingFile recording) = await OpenRecordingAsync();
        (SwapCrossing Crossing, SwapStep Step)[] states = [.. recording.Crossings.SelectMany(static crossing => crossing.Steps.Select(step => (crossing, step)))];
        for (int i = 0; i < states.Length; i++)
        {
            await ShouldShowAsync(page, states, i, recording);
            await page.Keyboard.PressAsync("ArrowRight");
        }

        await ShouldShowAsync(page, states, states.Length - 1, recording); // there is no step after the last
        for (int i = states.Length - 2; i >= 0; i--)
        {
            await page.Keyboard.PressAsync("ArrowLeft");
            await ShouldShowAsync(page, states, i, recording);
        }
    }

    [Fact]
    public async Task Keys_and_buttons_and_a_click_on_a_line_lead_where_they_say()
    {
        (IPage page, SwapRecordingFile recording) = await OpenRecordingAsync();
        int states = recording.Crossings.Sum(static crossing => crossing.Steps.Length);
        foreach ((Func<Task> move, int expected) in new (Func<Task>, int)[]
        {
            (() => page.Keyboard.PressAsync("End"), states),
            (() => page.Keyboard.PressAsync("Home"), 1),
            (() => page.ClickAsync("#forward"), 2),
            (() => page.ClickAsync("#back"), 1),
            (() => page.ClickAsync("#last"), states),
            (() => page.ClickAsync("#first"), 1),
            (() => page.ClickAsync("#code tr[data-line='5']"), 6),
            (() => page.FocusAsync("#slider"), 6),
            (() => page.Keyboard.PressAsync("ArrowRight"), 7), // once, though the slider has the focus
        })
        {
            await move();
            (await page.InnerTextAsync("#count")).ShouldBe($"{expected} / {states}");
        }
    }

    protected override void Write(string file)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "The demo stops the processor after each instruction on x64 only.");
        DemoProcess.OutputOf("swap", "--html", file);
    }

    private async Task<(IPage, SwapRecordingFile)> OpenRecordingAsync()
    {
        (IPage page, string data) = await OpenAsync();
        return (page, SwapRecordingFile.Parse(data));
    }

    private static async Task ShouldShowAsync(IPage page, (SwapCrossing Crossing, SwapStep Step)[] states, int i, SwapRecordingFile recording)
    {
        (SwapCrossing crossing, SwapStep step) = states[i];
        Shown shown = await page.EvaluateAsync<Shown>(Look);
        shown.Count.ShouldBe($"{i + 1} / {states.Length}");
        shown.Registers.ShouldBe(step.Registers.Select(static register => $"{register.Name} {register.Value} {register.Written}".ToLowerInvariant()));
        shown.FromStack.ShouldBe(Rows(step.FromStack));
        shown.ToStack.ShouldBe(Rows(step.ToStack));
        shown.FromFrames.ShouldBe(crossing.FromFrames.Select(static frame => frame.Name).Reverse());
        shown.ToFrames.ShouldBe(crossing.ToFrames.Select(static frame => frame.Name).Reverse());
        shown.Lit.ShouldBe(step.Line < 0 ? [] : [$"{recording.Routines[crossing.Routine].Lines[step.Line].Address} {recording.Routines[crossing.Routine].Lines[step.Line].Text}"]);
        shown.Stands.ShouldBe(recording.Parties[step.StandsOn].Name);
        shown.Thread.ShouldBe(recording.Parties[step.ThreadPointerOf].Name);
    }

    private static IEnumerable<string> Rows(SwapSlot[] slots) => slots.Reverse().Select(static slot => $"{slot.Address} {slot.Value} {slot.Name} {slot.Written}".ToLowerInvariant());

    private const string Look = """
        () => {
            const lit = element => element.classList.contains("lit");
            const texts = selector => [...document.querySelectorAll(selector)].map(element => element.textContent);
            const stack = id => [...document.querySelectorAll(`#${id} .stack tr[data-address]`)].map(row => {
                const [address, value, name] = [...row.cells].map(cell => cell.textContent);
                return `${address} ${value} ${name.replace(/^.* ▶ /, "")} ${lit(row)}`.toLowerCase();
            });
            return {
                count: document.getElementById("count").textContent,
                registers: [...document.querySelectorAll("#registers div")].map(div => `${div.children[0].textContent} ${div.children[1].textContent} ${lit(div)}`),
                fromStack: stack("from"), toStack: stack("to"),
                fromFrames: texts("#from .frames li"), toFrames: texts("#to .frames li"),
                lit: [...document.querySelectorAll("#code tr.lit")].map(row => [...row.cells].map(cell => cell.textContent).join(" ")),
                stands: texts("#who b")[0], thread: texts("#who b")[1],
            };
        }
        """;

    private sealed class Shown
    {
        public string Count { get; set; } = "";

        public string[] Registers { get; set; } = [];

        public string[] FromStack { get; set; } = [];

        public string[] ToStack { get; set; } = [];

        public string[] FromFrames { get; set; } = [];

        public string[] ToFrames { get; set; } = [];

        public string[] Lit { get; set; } = [];

        public string Stands { get; set; } = "";

        public string Thread { get; set; } = "";
    }
}
