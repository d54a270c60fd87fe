using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>What the demos show on a terminal, and leave of it.</summary>
public sealed partial class Terminals
{
    private const string HideCursor = "\e[?25l", ShowCursor = "\e[?25h";

    [Theory]
    [InlineData(80)]
    [InlineData(40)]
    public void The_table_of_fetch_breaks_no_word(int columns)
    {
        string shown = Show(columns, "hundred --pages 5");
        string table = shown[..shown.IndexOf("Threads:", StringComparison.Ordinal)];
        foreach (string word in (string[])["after", "request", "async/await", "fibers", "wall time", "processor", "requests/s"])
            table[table.IndexOf("one after", StringComparison.Ordinal)..].ShouldContain(word);
        table.Split('\n').ShouldAllBe(line => line.Length <= columns);
    }

    [Fact]
    public void Swap_breaks_its_lines_between_words()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "The demo stops the processor after each instruction on x64 only.");
        string shown = Show(80, "swap");
        shown.ShouldContain("the processor stopped the carrier's\n    kernel thread after every instruction");
        shown.Split('\n').ShouldAllBe(static line => line.Length <= 80);
    }

    [Fact]
    public void Who_interrupts_fetch_gets_the_cursor_back()
    {
        ProcessStartInfo start = DemoProcess.OnTerminal(80, "fetch --pages 20000");
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        using Process fetch = Process.Start(start)!;
        string shown = ReadUntil(fetch.StandardOutput, HideCursor);
        shown.ShouldEndWith(HideCursor);
        fetch.StandardInput.Write('\x03'); // Ctrl-C
        fetch.StandardInput.Flush();
        fetch.StandardOutput.ReadToEnd().ShouldContain(ShowCursor);
    }

    // After the bars, without what only moves or colours.
    private static string Show(int columns, string arguments)
    {
        ChildResult result = Command.Run(DemoProcess.OnTerminal(columns, arguments));
        result.ExitCode.ShouldBe(0, result.All);
        return Escape().Replace(result.Output.ReplaceLineEndings("\n").Split(ShowCursor)[^1], "");
    }

    private static string ReadUntil(StreamReader output, string end)
    {
        var heard = new StringBuilder();
        while (!heard.ToString().EndsWith(end, StringComparison.Ordinal) && output.Read() is >= 0 and var next)
            heard.Append((char)next);
        return heard.ToString();
    }

    [GeneratedRegex(@"\e\[[?\d;]*[A-Za-z]|\e[=>]")]
    private static partial Regex Escape();
}
