using System.Text.RegularExpressions;
using Fibers.Tests.Support;

namespace Fibers.Tests.Architecture;

/// <summary>As much of include/fibers.h as the drift tests need, read as text.</summary>
internal static partial class NativeHeader
{
    private static readonly string s_text = Repository.Read("Fibers.Native/include/fibers.h");
    private static readonly string s_code = LineComment().Replace(s_text, "");

    /// <summary>Exports: name and number of parameters.</summary>
    public static IReadOnlyDictionary<string, int> Functions { get; } = Export().Matches(s_code)
        .ToDictionary(static match => match.Groups["name"].Value, static match => CountParameters(match.Groups["parameters"].Value));

    /// <summary>Structs with a body: field names in order.</summary>
    public static IReadOnlyDictionary<string, string[]> Structs { get; } = Struct().Matches(s_code).ToDictionary(
        static match => match.Groups["name"].Value,
        static match => Field().Matches(match.Groups["body"].Value).Select(static field => field.Groups["name"].Value).ToArray());

    /// <summary>Enums: member and value.</summary>
    public static IReadOnlyDictionary<string, (string Name, int Value)[]> Enums { get; } = Enum().Matches(s_code).ToDictionary(
        static match => match.Groups["name"].Value,
        static match => Member().Matches(match.Groups["body"].Value).Select(static member => (member.Groups["name"].Value, int.Parse(member.Groups["value"].Value))).ToArray());

    /// <summary>#define NAME number.</summary>
    public static uint Constant(string name) => uint.Parse(Regex.Match(s_code, $@"#define {name} (\d+)u?").Groups[1].Value);

    /// <summary>The park states' table: from, to, who.</summary>
    public static (string From, string To, string Who)[] ParkTransitions { get; } = [.. Transition().Matches(s_text)
        .Select(static match => (match.Groups["from"].Value, match.Groups["to"].Value, match.Groups["who"].Value.Trim()))];

    private static int CountParameters(string parameters)
    {
        if (parameters.Trim() is "" or "void")
            return 0;
        int depth = 0, count = 1;
        foreach (char character in parameters)
        {
            depth += character == '(' ? 1 : character == ')' ? -1 : 0;
            count += character == ',' && depth == 0 ? 1 : 0;
        }

        return count;
    }

    [GeneratedRegex(@"//.*")]
    private static partial Regex LineComment();

    [GeneratedRegex(@"FIBERS_API\s[^;(]*?(?<name>fibers_\w+)\((?<parameters>[^;]*)\);", RegexOptions.Singleline)]
    private static partial Regex Export();

    [GeneratedRegex(@"typedef struct (?<name>fibers_\w+) \{(?<body>.*?)\} \k<name>;", RegexOptions.Singleline)]
    private static partial Regex Struct();

    [GeneratedRegex(@"(?<name>\w+)\s*;")]
    private static partial Regex Field();

    [GeneratedRegex(@"typedef enum (?<name>fibers_\w+) \{(?<body>.*?)\} \k<name>;", RegexOptions.Singleline)]
    private static partial Regex Enum();

    [GeneratedRegex(@"(?<name>FIBERS_\w+) = (?<value>\d+)")]
    private static partial Regex Member();

    [GeneratedRegex(@"^//   (?<from>[A-Z]{4,}) +(?<to>[A-Z]{4,}) +(?<who>(?:a |the |its )\w+) ", RegexOptions.Multiline)]
    private static partial Regex Transition();
}
