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
        (@"( < (lib|System\.)[\w.]+\+0x#)+", " < #"),       // how the C library and the runtime came to call us
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
