using Fibers.Tests.ChildProcess;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>Help that was asked for is no mistake; a mistake is told in one line.</summary>
public sealed class CommandLines
{
    [Theory]
    [InlineData("usage: dotnet run", "-h")]
    [InlineData("usage: dotnet run", "help")]
    [InlineData("usage: dotnet run", "list", "--help")]
    [InlineData("usage: swap", "help", "swap")]
    [InlineData("usage: hundred", "hundred", "--pages", "5", "-h")]
    public void Help_is_found_wherever_it_is_asked_for(string expected, params string[] arguments) => DemoProcess.OutputOf(arguments).ShouldContain(expected);

    [Theory]
    [InlineData("'list' takes no arguments; 'NAME --help' says more of one demo.", "list", "extra")]
    [InlineData("There is no demo and no file named 'nonsense'; 'list' names the demos.", "nonsense")]
    [InlineData("There is no option '--nonsense'; 'fetch --help' names them.", "hundred", "--nonsense")]
    [InlineData("The demo tour takes no arguments.", "tour", "extra")]
    [InlineData("'/nonexistent/a.html' cannot be written: Could not find a part of the path '/nonexistent/a.html'.", "swap", "--html", "/nonexistent/a.html")]
    [InlineData("'/nonexistent/a.json' cannot be written: Could not find a part of the path '/nonexistent/a.json'.", "swap", "--json", "/nonexistent/a.json")]
    [InlineData("The demo swap takes --full, --json FILE or --html FILE; 'swap --help' says what they do.", "swap", "--html")]
    public void A_mistake_is_told_in_one_line(string line, params string[] arguments) => DemoProcess.Run(arguments).ShouldBe(new ChildResult(2, "", line + "\n"));
}
