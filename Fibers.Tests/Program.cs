using Fibers.Tests.ChildProcess;
using Xunit;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// Tests look at the whole process: kernel threads, mappings, memory, fault points. One at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Fibers.Tests;

internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is [Child.Switch, string scenario])
            return Scenarios.Run(scenario);
        if (arguments.Contains("--server") || arguments.Contains("--internal-msbuild-node"))
            return await TestPlatformTestFramework.RunAsync(arguments, static (_, _) => { });
        return await ConsoleRunner.Run(arguments);
    }
}
