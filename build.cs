#!/usr/bin/env dotnet
// The one place with build logic; build.ps1 and .ci/run only call it.
//
//     dotnet run build.cs -- build            everything, the native library included
//     dotnet run build.cs -- test             the whole test suite; the last line says how many passed and failed
//     dotnet run build.cs -- native           the native library alone, with CMake
//     dotnet run build.cs -- bench [ARGS]     the benchmarks; without arguments the quick ones
//     dotnet run build.cs -- format           formats the sources; with --verify only says what is not
#:property PublishAot=false
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

const int Misused = 2;
return args switch
{
    ["build"] => Run("dotnet", "build", "Fibers.slnx", "-c", "Release"),
    ["test", .. string[] rest] => Test(rest),
    ["native"] => Native(),
    ["bench", .. string[] rest] => Run("dotnet", ["run", "-c", "Release", "--project", "Fibers.Benchmarks", "--", .. rest is [] ? ["quick"] : rest]),
    ["format"] => Run("dotnet", "format", "Fibers.slnx"),
    ["format", "--verify"] => Run("dotnet", "format", "Fibers.slnx", "--verify-no-changes"),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("Usage: dotnet run build.cs -- build | test | native | bench [ARGS] | format [--verify]");
    return Misused;
}

static int Native()
{
    int configured = Run("cmake", "-S", ".", "-B", "artifacts/native/Release", "-DCMAKE_BUILD_TYPE=RelWithDebInfo");
    return configured != 0 ? configured : Run("cmake", "--build", "artifacts/native/Release");
}

static int Test(string[] rest)
{
    string results = Path.Combine(Root(), "artifacts", "tests");
    if (Directory.Exists(results))
        Directory.Delete(results, recursive: true);
    int exit = Run("dotnet", ["test", "--logger", "trx", "--logger", "console;verbosity=normal", "--results-directory", results, .. rest]);
    int passed = 0, failed = 0;
    foreach (string file in Directory.Exists(results) ? Directory.GetFiles(results, "*.trx", SearchOption.AllDirectories) : [])
    {
        XElement counters = XDocument.Load(file).Descendants().Single(static element => element.Name.LocalName == "Counters");
        passed += (int)counters.Attribute("passed")!;
        failed += (int)counters.Attribute("total")! - (int)counters.Attribute("passed")! - (int)counters.Attribute("notExecuted")!;
    }

    if (passed + failed == 0 || (exit != 0 && failed == 0))
    {
        Console.WriteLine("The test run itself failed: see above.");
        failed++;
    }

    Console.WriteLine($"{passed} passed, {failed} failed");
    return exit != 0 ? exit : failed == 0 ? 0 : 1;
}

// What hangs is ended, with everything it started, so that the caller gets an answer.
static int Run(string command, params string[] arguments)
{
    TimeSpan limit = TimeSpan.FromMinutes(30);
    Console.WriteLine($"> {command} {string.Join(' ', arguments)}");
    using Process process = Process.Start(new ProcessStartInfo(command, arguments) { WorkingDirectory = Root() })!;
    if (process.WaitForExit(limit))
        return process.ExitCode;
    process.Kill(entireProcessTree: true);
    Console.WriteLine($"Ended after {limit.TotalMinutes} minutes.");
    return 1;
}

static string Root([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
