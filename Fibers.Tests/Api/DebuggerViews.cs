using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Api;

public partial class DebuggerViews
{
    private const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance;

    public static TheoryData<Type> PublicTypes => [.. typeof(Fiber).Assembly.GetExportedTypes().Where(static type => !type.IsEnum && !(type.IsAbstract && type.IsSealed))];

    [Theory]
    [MemberData(nameof(PublicTypes))]
    public void Every_public_type_says_what_it_is_in_a_debugger(Type type)
    {
        string view = type.GetCustomAttribute<DebuggerDisplayAttribute>().ShouldNotBeNull().Value;
        string[] names = [.. Member().Matches(view).Select(static match => match.Groups[1].Value)];
        names.ShouldNotBeEmpty();
        foreach (string name in names)
            (type.GetProperty(name, Any) ?? (MemberInfo?)type.GetField(name, Any)).ShouldNotBeNull($"{type.Name} has no {name}");
    }

    [GeneratedRegex(@"\{(\w+)")]
    private static partial Regex Member();
}
