using System.Text.RegularExpressions;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Architecture;

/// <summary>Prose drifts unless something checks it.</summary>
public sealed partial class Documents
{
    [Fact]
    public void Every_mark_in_the_source_has_its_heading_in_the_chapter()
    {
        string[] marks = [.. SourceFiles().SelectMany(file => Mark().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value).Distinct()];
        marks.ShouldNotBeEmpty();
        string[] anchors = [.. Heading().Matches(Repository.Read("docs/how-it-works.md")).Select(match => AnchorOf(match.Groups[1].Value))];
        marks.ShouldBeSubsetOf(anchors);
    }

    [Fact]
    public void Every_link_to_a_file_leads_to_one()
    {
        List<string> broken = [];
        foreach (string document in (string[])[.. Directory.GetFiles(Repository.Root, "*.md"), .. Repository.Files("docs", "*.md")])
        {
            foreach (Match link in Link().Matches(File.ReadAllText(document)))
            {
                string target = Path.Combine(Path.GetDirectoryName(document)!, link.Groups[1].Value);
                if (!File.Exists(target) && !Directory.Exists(target))
                    broken.Add($"{Path.GetFileName(document)}: {link.Groups[1].Value}");
            }
        }

        broken.ShouldBeEmpty();
    }

    [Fact]
    public void A_link_to_a_line_of_the_source_shows_what_it_names()
    {
        const int screenful = 30; // a line or two added above is no reason to correct the chapter
        List<string> misleading = [];
        MatchCollection links = LinkToLine().Matches(Repository.Read("docs/how-it-works.md"));
        links.Count.ShouldBeGreaterThan(40);
        foreach (Match link in links)
        {
            string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", link.Groups["file"].Value));
            int line = int.Parse(link.Groups["line"].Value) - 1;
            var name = new Regex($@"\b{Regex.Escape(link.Groups["name"].Value)}\b");
            if (!lines[Math.Clamp(line - screenful, 0, lines.Length)..Math.Clamp(line + screenful, 0, lines.Length)].Any(text => name.IsMatch(text)))
                misleading.Add(link.Value);
        }

        misleading.ShouldBeEmpty();
    }

    [Fact]
    public void The_page_of_code_in_the_README_is_the_demo_tour()
    {
        string shown = CodeBlock().Match(Repository.Read("README.md")).Groups[1].Value;
        shown.ShouldNotBeEmpty();
        Lines(Repository.Read("Fibers.Demos/Tour.cs")).ShouldContain(Lines(shown));
    }

    [Fact]
    public void Every_demo_a_document_names_exists()
    {
        string[] demos = Demos();
        demos.ShouldNotBeEmpty();
        foreach (string document in (string[])["README.md", "CONTRIBUTING.md", "docs/design.md", "docs/how-it-works.md"])
            NamedDemo().Matches(Repository.Read(document)).Select(match => match.Groups[1].Value).ShouldBeSubsetOf(demos, document);
    }

    [Fact]
    public void Every_test_and_demo_that_is_said_to_show_a_promise_exists()
    {
        string page = Repository.Read("docs/proof.md");
        string[] classes = [.. typeof(Documents).Assembly.GetExportedTypes().Select(static type => type.FullName!)];
        string[] tests = [.. TestToRun().Matches(page).Select(match => match.Groups[1].Value)];
        tests.Length.ShouldBeGreaterThan(40);
        tests.Where(test => !classes.Any(name => test.EndsWith('*') ? name.StartsWith($"Fibers.Tests.{test[..^1]}", StringComparison.Ordinal) : name == $"Fibers.Tests.{test}")).ShouldBe(["X"]); // in the legend
        string[] demos = Demos();
        DemoToRun().Matches(page).Select(match => match.Groups[1].Value).ShouldBeSubsetOf(demos);
    }

    private static string[] Demos() => [.. DemoName().Matches(Repository.Read("Fibers.Demos/Program.cs")).Select(match => match.Groups[1].Value)];

    private static string Lines(string text) => string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

    private static string AnchorOf(string heading) => string.Concat(heading.ToLowerInvariant().Replace(' ', '-').Where(c => char.IsAsciiLetterOrDigit(c) || c == '-'));

    private static IEnumerable<string> SourceFiles() =>
        ((string[])["Fibers.Core", "Fibers.Native", "asm"]).SelectMany(folder => Repository.Files(folder, "*"))
            .Where(file => Path.GetExtension(file) is ".cs" or ".c" or ".h" or ".S");

    [GeneratedRegex(@"\bSEE ([a-z-]+)")]
    private static partial Regex Mark();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\]\((?!https?:)([^)#\s]+)[^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\[`(?<name>\w+)`\]\((?<file>[^)#]+)#L(?<line>\d+)\)")]
    private static partial Regex LinkToLine();

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("""new\("([a-z-]+)",""")]
    private static partial Regex DemoName();

    [GeneratedRegex(@"`test ([\w.]+\*?)`")]
    private static partial Regex TestToRun();

    [GeneratedRegex("`demo ([a-z-]+)`")]
    private static partial Regex DemoToRun();

    [GeneratedRegex("demo `([a-z-]+)`")]
    private static partial Regex NamedDemo();
}
