using System.Diagnostics.CodeAnalysis;
using Xunit;

namespace Fibers.Tests.Support;

/// <summary>What not everybody has installed: without it its tests are skipped and say what to install; where everything was installed, they fail.</summary>
internal static class Optional
{
    private static readonly bool s_everythingIsInstalled = Environment.GetEnvironmentVariable("FIBERS_TEST_EVERYTHING") == "1";

    public static string? Find(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>The path of this program; the test goes no further without it.</summary>
    public static string Require(string program, string package)
    {
        string? path = Find(program);
        if (path is null)
            Missing(program, package);
        return path;
    }

    /// <summary>Ends the test.</summary>
    [DoesNotReturn]
    public static void Missing(string what, string package)
    {
        string reason = $"{what} is not installed (Debian package {package}).";
        if (s_everythingIsInstalled)
            Assert.Fail(reason);
        Assert.Skip(reason);
    }
}
