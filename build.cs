#!/usr/bin/env dotnet
// The one place with build logic; build.ps1 and .ci/run only call it.
//
//     dotnet run build.cs -- build            everything, the native library included
//     dotnet run build.cs -- test             every test: the native library's on each architecture whose compiler is installed, also
//                                             under sanitizers, then the managed ones. The last line says how many passed and failed
//     dotnet run build.cs -- test ARGS        the managed tests alone; ARGS are those of "dotnet test"
//     dotnet run build.cs -- native           the native library alone: --arch x64|arm64|riscv64|musl|all, --sanitize undefined|address,
//                                             --check to run its test programme, under an emulator where it must be
//     dotnet run build.cs -- pack             the NuGet package, with the library for every architecture: --arch x64 for one only,
//                                             --output FOLDER
//     dotnet run build.cs -- bench [ARGS]     the benchmarks; without arguments the quick ones
//     dotnet run build.cs -- format           formats the sources; with --verify only says what is not
#:property PublishAot=false
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

const int Misused = 2;
// Where fibers run, and last a C library on which they must say why not: that one is for no package.
Target[] targets =
[
    new("x64", "gcc", "gcc"),
    new("arm64", "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu qemu-user"),
    new("riscv64", "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu qemu-user"),
    new("musl", "musl-gcc", "musl-tools"),
];
string host = RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
string results = Path.Combine(Root(), "artifacts", "tests");

return args switch
{
    ["build"] => Run("dotnet", "build", "Fibers.slnx", "-c", "Release"),
    ["test", .. string[] rest] => Test(rest),
    ["native", .. string[] rest] => Parse(rest) is { } options ? Native(options) : Usage(),
    ["pack", .. string[] rest] => Parse(rest) is { } options ? Pack(options) : Usage(),
    ["bench", .. string[] rest] => Run("dotnet", ["run", "-c", "Release", "--project", "Fibers.Benchmarks", "--", .. rest is [] ? ["quick"] : rest]),
    ["format"] => Run("dotnet", "format", "Fibers.slnx"),
    ["format", "--verify"] => Run("dotnet", "format", "Fibers.slnx", "--verify-no-changes"),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        Usage: dotnet run build.cs -- build | test [ARGS] | bench [ARGS] | format [--verify]
                                      native [--arch x64|arm64|riscv64|musl|all] [--sanitize undefined|address] [--check]
                                      pack [--arch x64|arm64|riscv64|all] [--output FOLDER]
        """);
    return Misused;
}

Options? Parse(string[] rest)
{
    var options = new Options(null, "", false, Path.Combine("artifacts", "packages"));
    for (; rest is not []; rest = rest[(rest[0] == "--check" ? 1 : 2)..])
    {
        Options? next = rest switch
        {
            ["--arch", "all", ..] => options with { Targets = targets },
            ["--arch", var name, ..] when targets.FirstOrDefault(target => target.Name == name) is { } target => options with { Targets = [target] },
            ["--sanitize", "undefined" or "address", ..] => options with { Sanitizer = rest[1] },
            ["--output", var folder, ..] => options with { Output = Path.GetFullPath(folder) },
            ["--check", ..] => options with { Check = true },
            _ => null,
        };
        if (next is null)
            return null;
        options = next;
    }

    return options;
}

// ---- the native library ----------------------------------------------------------------------------------------------

int Native(Options options)
{
    int failed = 0;
    foreach (Target target in options.Targets ?? targets.Where(target => target.Name == host))
        failed += BuildShim(target, options.Sanitizer, options.Check) ? 0 : 1;
    return failed == 0 ? 0 : 1;
}

// False: it could not be built, or its test programme failed. Stripped, it is left in artifacts/native/ARCHITECTURE.
bool BuildShim(Target target, string sanitizer, bool check)
{
    string name = sanitizer == "" ? target.Name : $"{target.Name}-{sanitizer}";
    string build = Path.Combine("artifacts", "cmake", name), installed = Path.Combine("artifacts", "native", target.Name);
    if (!IsInstalled(target.Compiler))
    {
        Console.WriteLine($"{name}: {target.Compiler} is not installed; on Debian or Ubuntu, apt-get install {target.Packages}.");
        return false;
    }

    string toolchain = target.Name == host ? "" : Path.Combine(Root(), "cmake", $"linux-{target.Name}.cmake");
    string[] choices = [$"-DCMAKE_TOOLCHAIN_FILE={toolchain}", $"-DFIBERS_SANITIZE={sanitizer}", $"-DBUILD_TESTING={(check ? "ON" : "OFF")}"];
    if (Run("cmake", ["-S", ".", "-B", build, "-DCMAKE_BUILD_TYPE=RelWithDebInfo", .. choices]) != 0 || Run("cmake", "--build", build, "--parallel") != 0)
        return false;
    if (sanitizer == "" && Run("cmake", "--install", build, "--prefix", installed, "--strip") != 0)
        return false;
    string report = Path.Combine(results, $"native-{name}.xml");
    bool passed = !check || Run("ctest", "--test-dir", build, "--output-on-failure", "--output-junit", report, "--test-output-size-passed", "1000000") == 0;
    string checks = check ? $"{ChecksIn(report)} checks" : "built";
    string size = sanitizer == "" ? $"libfibers.so {new FileInfo(Path.Combine(Root(), installed, "libfibers.so")).Length / 1024.0:F1} KB stripped" : $"under the {sanitizer} sanitizer";
    Console.WriteLine($"{target.Name}: {checks}, {size}{(passed ? "" : ", FAILED")}");
    return passed;
}

static bool IsInstalled(string command) =>
    Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, command)));

// The C programmes say how many checks they made; the other tests of a report repeat parts of that.
static int ChecksIn(string report) => XDocument.Load(report).Descendants("testcase")
    .Where(static test => (string?)test.Attribute("name") is "shim" or "shim_single_file")
    .Sum(static test => int.Parse(Regex.Match(test.Value, @"(\d+) checks in \d+ topics") is { Success: true } match ? match.Groups[1].Value : "0"));

int Pack(Options options)
{
    foreach (Target target in (options.Targets ?? targets).Where(static target => target.Name != "musl"))
        if (!BuildShim(target, sanitizer: "", check: false))
            return 1;
    return Run("dotnet", "pack", "Fibers.Core", "-c", "Release", "-o", options.Output);
}

// ---- every test --------------------------------------------------------------------------------------------------------

int Test(string[] rest)
{
    if (Directory.Exists(results))
        Directory.Delete(results, recursive: true);
    (int passed, int failed) = rest is [] ? NativeTests() : (0, 0);
    (int managedPassed, int managedFailed) = ManagedTests(rest);
    Console.WriteLine($"{passed + managedPassed} passed, {failed + managedFailed} failed");
    return failed + managedFailed == 0 ? 0 : 1;
}

(int Passed, int Failed) NativeTests()
{
    int runs = 0;
    foreach (Target target in targets)
    {
        if (!IsInstalled(target.Compiler))
        {
            Console.WriteLine($"{target.Name}: not tested, because {target.Compiler} is not installed (apt-get install {target.Packages}).");
            continue;
        }

        foreach (string sanitizer in (string[])(target.Name == host ? ["", "undefined", "address"] : [""]))
        {
            BuildShim(target, sanitizer, check: true);
            runs++;
        }
    }

    (int passed, int failed, int reports) = (0, 0, 0);
    foreach (XElement suite in Reports("native-*.xml").Select(static report => report.Root!))
    {
        int bad = (int)suite.Attribute("failures")!;
        failed += bad;
        passed += (int)suite.Attribute("tests")! - bad - (int)suite.Attribute("skipped")! - (int)suite.Attribute("disabled")!;
        reports++;
    }

    return (passed, failed + runs - reports); // what could not be built has no report
}

(int Passed, int Failed) ManagedTests(string[] rest)
{
    int exit = Run("dotnet", ["test", "--logger", "trx", "--logger", "console;verbosity=normal", "--results-directory", results, .. rest]);
    int passed = 0, failed = 0;
    foreach (XElement counters in Reports("*.trx").Select(static report => report.Descendants().Single(static element => element.Name.LocalName == "Counters")))
    {
        passed += (int)counters.Attribute("passed")!;
        failed += (int)counters.Attribute("total")! - (int)counters.Attribute("passed")! - (int)counters.Attribute("notExecuted")!;
    }

    if (passed + failed == 0 || (exit != 0 && failed == 0))
    {
        Console.WriteLine("The test run itself failed: see above.");
        failed++;
    }

    return (passed, failed);
}

IEnumerable<XDocument> Reports(string pattern) =>
    Directory.Exists(results) ? Directory.GetFiles(results, pattern, SearchOption.AllDirectories).Select(static file => XDocument.Load(file)) : [];

// ---- running things ----------------------------------------------------------------------------------------------------

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

internal sealed record Target(string Name, string Compiler, string Packages);

internal sealed record Options(Target[]? Targets, string Sanitizer, bool Check, string Output);
