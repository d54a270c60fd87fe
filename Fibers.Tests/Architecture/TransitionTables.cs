using System.Text.RegularExpressions;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Architecture;

/// <summary>Prose drifts unless something checks it: each state enum's table names its states, and the two halves of the park table are the same.</summary>
public partial class TransitionTables
{
    public static TheoryData<string> FilesWithATable => [.. Repository.Files("Fibers.Core", "*.cs")
        .Where(static file => Table().IsMatch(File.ReadAllText(file)))
        .Select(static file => Path.GetRelativePath(Repository.Root, file))];

    [Fact]
    public void The_park_states_have_the_same_table_in_C_and_in_CSharp()
    {
        (string From, string To, string Who)[] managed = Rows(Repository.Read("Fibers.Core/Parking/ParkState.cs"));
        managed.Length.ShouldBeGreaterThan(0);
        managed.Select(static row => (row.From.ToUpperInvariant(), row.To.ToUpperInvariant(), row.Who)).ShouldBe(NativeHeader.ParkTransitions);
    }

    [Theory]
    [MemberData(nameof(FilesWithATable))]
    public void A_table_names_every_state_and_no_other(string file)
    {
        string text = Repository.Read(file);
        string[] members = [.. Member().Matches(text[text.IndexOf("enum ", StringComparison.Ordinal)..]).Select(static match => match.Groups["name"].Value)];
        Rows(text).SelectMany(static row => (string[])[row.From, row.To]).Distinct().Order().ShouldBe(members.Order());
    }

    private static (string From, string To, string Who)[] Rows(string text) => [.. Row().Matches(Table().Match(text).Groups["rows"].Value)
        .Select(static match => (match.Groups["from"].Value, match.Groups["to"].Value, match.Groups["who"].Value.Trim()))];

    [GeneratedRegex(@"/// <code>\s*/// from +to +who[^\n]*\n(?<rows>.*?)/// </code>", RegexOptions.Singleline)]
    private static partial Regex Table();

    // Columns are two or more blanks apart.
    [GeneratedRegex(@"/// (?<from>[A-Z]\w+) +(?<to>[A-Z]\w+) +(?<who>\S(?:[^\n]*?\S)??)  +\S")]
    private static partial Regex Row();

    [GeneratedRegex(@"^    (?<name>[A-Z]\w+) = \d+,", RegexOptions.Multiline)]
    private static partial Regex Member();
}
