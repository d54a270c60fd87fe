using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Api;

/// <summary>Every public member is documented, and whatever can be called says whether it parks, and whether it is a cancellation point where it does.</summary>
public partial class Documentation
{
    private static readonly Dictionary<string, XElement> s_members = XDocument.Load(Path.ChangeExtension(typeof(Fiber).Assembly.Location, ".xml"))
        .Descendants("member").ToDictionary(static member => member.Attribute("name")!.Value);

    // Making a case does not wait; Run does. A builder's calls are described by what they add.
    private static bool Waits(MethodInfo method) => method.ReturnType != typeof(FiberSelect) && method.Name is not ("ToString" or "AsTask" or "GetAwaiter" or "GetEnumerator" or "SendAsync" or "ReceiveAsync");

    public static IEnumerable<MethodInfo> Methods() =>
        from type in typeof(Fiber).Assembly.GetExportedTypes()
        where type.Namespace == "Fibers" && (type == typeof(Fiber) || type.Name.StartsWith("Fiber", StringComparison.Ordinal)) && !type.IsEnum
        where !typeof(Exception).IsAssignableFrom(type) && type.GetMethod("<Clone>$") is null
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
        where !method.IsSpecialName
        select method;

    [Fact]
    public void Every_public_type_and_member_has_documentation()
    {
        foreach (Type type in typeof(Fiber).Assembly.GetExportedTypes())
        {
            string prefix = type.FullName!;
            s_members.Keys.ShouldContain($"T:{prefix}");
            foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
                s_members.Keys.ShouldContain($"P:{prefix}.{property.Name}");
        }

        foreach (MethodInfo method in Methods())
            DocumentationOf(method).ShouldNotBeEmpty($"{method.DeclaringType!.Name}.{method.Name} has no documentation");
    }

    [Fact]
    public void Whatever_can_be_called_says_whether_it_parks()
    {
        string[] silent = [.. Methods().Where(Waits).Where(static method => !DocumentationOf(method).Any(Parks().IsMatch)).Select(static method => $"{method.DeclaringType!.Name}.{method.Name}")];
        silent.ShouldBeEmpty();
    }

    [Fact]
    public void Whatever_parks_says_whether_it_is_a_cancellation_point()
    {
        string[] silent = [.. Methods().Where(Waits).Where(static method => DocumentationOf(method).Any(text => ParksItself().IsMatch(text) && !Cancels().IsMatch(text)))
            .Select(static method => $"{method.DeclaringType!.Name}.{method.Name}")];
        silent.ShouldBeEmpty();
    }

    // Overloads share a name: one text for each.
    private static List<string> DocumentationOf(MethodInfo method)
    {
        string name = $"M:{method.DeclaringType!.FullName}.{method.Name}";
        return [.. s_members.Where(member => member.Key == name || member.Key.StartsWith(name + "(", StringComparison.Ordinal) || member.Key.StartsWith(name + "`", StringComparison.Ordinal))
            .Select(static member => Text(member.Value, depth: 0))];
    }

    // With what it inherits or refers to ("As ..."), one step at a time.
    private static string Text(XElement member, int depth)
    {
        string own = string.Concat(member.Nodes());
        if (depth < 3)
            foreach (Match reference in Reference().Matches(own))
                if (s_members.TryGetValue(reference.Groups[1].Value, out XElement? other))
                    own += Text(other, depth + 1);
        return own;
    }

    [GeneratedRegex("(?i)\\bpark|waits as")]
    private static partial Regex Parks();

    [GeneratedRegex("Parks a fiber|[Mm]ay park")]
    private static partial Regex ParksItself();

    [GeneratedRegex("(?i)cancellation point")]
    private static partial Regex Cancels();

    [GeneratedRegex("(?:inheritdoc |As <see )cref=\"([^\"]+)\"")]
    private static partial Regex Reference();
}
