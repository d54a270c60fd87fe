using System.Diagnostics;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>What the demos fetch and hundred say of little work, when the usual figures cannot come out.</summary>
public sealed class Fetching
{
    [Theory]
    [InlineData("more than 2 times as long", "--pages", "5")]
    [InlineData("Fibers and async/await wait", "--pages", "3")]
    [InlineData("100 requests with", "--ways", "fibers", "--delay", "20")]
    public void Hundred_claims_what_the_number_of_pages_allows(string claim, params string[] arguments) => DemoProcess.OutputOf(["hundred", .. arguments]).ShouldContain(claim);

    [Fact]
    public void One_is_no_plural()
    {
        using Process server = DemoProcess.Start("fetch", "--be-the-server", "0");
        string output = DemoProcess.OutputOf("fetch", server.StandardOutput.ReadLine()!);
        server.Kill();
        output.ShouldStartWith("1 URL, ");
        output.ShouldContain(": 1 request with ");
    }
}
