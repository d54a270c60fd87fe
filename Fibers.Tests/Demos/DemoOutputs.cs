using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Demos;

/// <summary>What each demo says, word for word. Only what differs from run to run is masked.</summary>
public sealed class DemoOutputs
{
    [Fact]
    public void Swap() => Check("swap",
        (@"0x[0-9a-f]+", "0x#"),                            // addresses and contents
        (@"stands in .*?(SwapRecorder\.\w+) <.*", "stands in ... < $1 < ..."), // how the library gets here
        (@"stands in .*?(Carrier\.Main) <.*", "stands in ... < $1 < ..."),
        (@"return address into .*", "return address into #"),
        (@"^(    0x#  0x#  (frame of|saved rbp of|return address into).*\n)+", "    ...\n"), // and how its frames are laid out
        (@"its id is \d+", "its id is #"),
        (@"kernel thread \d+", "kernel thread #"),
        (@"after [\d,]+ other", "after # other"),
        (@"  changed$", ""));                               // two parties may hold the same value

    private static void Check(string demo, params (string Pattern, string Mask)[] masks)
    {
        string output = DemoProcess.OutputOf(demo);
        foreach ((string pattern, string mask) in masks)
            output = Regex.Replace(output, pattern, mask, RegexOptions.Multiline);
        output.ShouldMatchApproved(options => options.NoDiff().SubFolder("Approved").LocateTestMethodUsingAttribute<FactAttribute>());
    }
}
