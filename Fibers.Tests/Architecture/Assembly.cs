using System.Text.RegularExpressions;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Architecture;

/// <summary>The three assembly files can be read aloud, side by side.</summary>
public sealed partial class Assembly
{
    public static TheoryData<string> Files => ["asm/switch_x64.S", "asm/switch_arm64.S", "asm/switch_riscv64.S"];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_instruction_says_why_it_is_there(string file)
    {
        string[] instructions = [.. Repository.Read(file).Split('\n').Where(static line => Instruction().IsMatch(line))];
        instructions.Length.ShouldBeGreaterThan(40);
        instructions.Where(static line => !line.Contains("//") && !line.Contains("/*")).ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_sections_are_those_of_the_reference_version_in_the_same_order(string file)
    {
        string[] reference = Headings("asm/switch_x64.S");
        reference.Length.ShouldBe(8);
        Headings(file).ShouldBe(reference);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_picture_of_the_parked_stack_stands_before_the_first_instruction(string file)
    {
        string text = Repository.Read(file);
        int picture = text.IndexOf("context.stack_pointer ->", StringComparison.Ordinal);
        picture.ShouldBeInRange(0, Instruction().Match(text).Index);
    }

    private static string[] Headings(string file) => [.. Heading().Matches(Repository.Read(file)).Select(static match => match.Value)];

    // Indented, or behind a label, and neither a directive nor one of our macros.
    [GeneratedRegex(@"^(1:)? +[a-z][a-z0-9]*\b.*$", RegexOptions.Multiline)]
    private static partial Regex Instruction();

    [GeneratedRegex(@"^// \d\. .+$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
