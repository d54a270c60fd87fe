using System.Text.Json;
using System.Xml.Linq;
using Fibers.Tests.Support;
using Shouldly;

namespace Fibers.Tests.Packaging;

/// <summary>The package, made once, and a project outside the repository that restores it from the folder it is in, into a cache of its own.</summary>
public sealed class PackageFixture : IDisposable
{
    /// <summary>What the package has a native library for, and with which compiler.</summary>
    public static readonly (string Architecture, string Compiler, string DebianPackage, ushort Machine)[] Architectures =
    [
        ("x64", "gcc", "gcc", 62), // EM_X86_64
        ("arm64", "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", 183), // EM_AARCH64
        ("riscv64", "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu", 243), // EM_RISCV
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("fibers-package-").FullName;
    private readonly string _temporary;
    private readonly Lazy<string> _packages;

    public PackageFixture()
    {
        _temporary = Directory.CreateDirectory(Path.Combine(_folder, "temporary")).FullName;
        _packages = new Lazy<string>(Pack);
    }

    public static bool HasAllCompilers => Architectures.All(static architecture => Optional.Find(architecture.Compiler) is not null);

    public string Package => Directory.GetFiles(_packages.Value, "*.nupkg").ShouldHaveSingleItem();

    public string Symbols => Directory.GetFiles(_packages.Value, "*.snupkg").ShouldHaveSingleItem();

    /// <summary>A test of what was built for the other architectures goes no further without their compilers.</summary>
    public static void RequireAllCompilers()
    {
        foreach ((_, string compiler, string package, _) in Architectures)
            Optional.Require(compiler, package);
    }

    /// <summary>Publishes the consumer in this manner; returns the folder it is in.</summary>
    public string Publish(string manner, params string[] arguments)
    {
        string version = XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props")).Descendants("Version").Single().Value;
        string cache = Path.Combine(_folder, "cache"), project = Directory.CreateDirectory(Path.Combine(_folder, manner)).FullName, output = Path.Combine(project, "out");
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "Fibers.Tests", "Packaging", "Consumer")))
            File.Copy(file, Path.Combine(project, Path.GetFileName(file)));
        Tool.Run(project, _temporary, "dotnet", ["publish", "-o", output, .. arguments,
            $"-p:FibersVersion={version}", $"-p:RestoreAdditionalProjectSources={_packages.Value}", $"-p:RestorePackagesPath={cache}"]);
        using (JsonDocument metadata = JsonDocument.Parse(File.ReadAllText(Path.Combine(cache, "fibers", version, ".nupkg.metadata"))))
            metadata.RootElement.GetProperty("source").GetString().ShouldBe(_packages.Value, "restored from the folder");
        return output;
    }

    /// <summary>What it prints, by name.</summary>
    public Dictionary<string, string> Run(string published) => Tool.Run(published, _temporary, Path.Combine(published, "Consumer")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(static line => line.Split('=', 2)).ToDictionary(static line => line[0], static line => line[1]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Pack()
    {
        string packages = Path.Combine(_folder, "packages");
        Tool.Run(Repository.Root, _temporary, "dotnet", "run", "build.cs", "--", "pack", "--arch", HasAllCompilers ? "all" : "x64", "--output", packages);
        return packages;
    }
}
