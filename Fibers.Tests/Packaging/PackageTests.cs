using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Packaging;

/// <summary>What somebody gets who installs the package.</summary>
public sealed class PackageTests(PackageFixture fixture) : IClassFixture<PackageFixture>
{
    private const int LibraryLimit = 100 * 1024;
    private const string Here = "linux-x64";
    private const string TrimWarningsAreErrors = "-p:TreatWarningsAsErrors=true";
    private const string EachTrimWarning = "-p:TrimmerSingleWarn=false"; // else one for the whole package
    private const int Clients = 200; // as in Consumer/Program.cs

    [Fact]
    public void It_holds_the_assemblies_their_documentation_and_the_readme()
    {
        using ZipArchive package = ZipFile.OpenRead(fixture.Package);
        ((string[])["lib/net10.0/Fibers.dll", "lib/net10.0/Fibers.Native.dll", "lib/net10.0/Fibers.xml", "README.md"]).ShouldBeSubsetOf(Names(package));
        using ZipArchive symbols = ZipFile.OpenRead(fixture.Symbols);
        ((string[])["lib/net10.0/Fibers.pdb", "lib/net10.0/Fibers.Native.pdb"]).ShouldBeSubsetOf(Names(symbols));
    }

    [Fact]
    public void It_holds_a_small_native_library_for_every_architecture()
    {
        PackageFixture.RequireAllCompilers();
        using ZipArchive package = ZipFile.OpenRead(fixture.Package);
        foreach ((string architecture, _, _, ushort machine) in PackageFixture.Architectures)
        {
            ZipArchiveEntry library = package.GetEntry($"runtimes/linux-{architecture}/native/libfibers.so").ShouldNotBeNull(architecture);
            library.Length.ShouldBeLessThan(LibraryLimit, architecture);
            using Stream stream = library.Open();
            MachineOf(stream).ShouldBe(machine, architecture);
        }
    }

    [Theory]
    [InlineData("arm64")]
    [InlineData("riscv64")]
    public void A_project_published_for_another_architecture_gets_its_library(string architecture)
    {
        PackageFixture.RequireAllCompilers();
        string published = fixture.Publish($"for-{architecture}", "-r", $"linux-{architecture}", "--self-contained", "false", "-p:UseAppHost=false");
        using FileStream library = File.OpenRead(Path.Combine(published, "libfibers.so"));
        MachineOf(library).ShouldBe(PackageFixture.Architectures.Single(one => one.Architecture == architecture).Machine);
    }

    [Theory]
    [InlineData("for-any-system")]
    [InlineData("single-file", "-r", Here, "--self-contained", "false", "-p:PublishSingleFile=true")]
    [InlineData("self-contained", "-r", Here, "--self-contained", "true")]
    [InlineData("self-contained-single-file", "-r", Here, "--self-contained", "true", "-p:PublishSingleFile=true")]
    [InlineData("trimmed", "-r", Here, "--self-contained", "true", "-p:PublishTrimmed=true", TrimWarningsAreErrors, EachTrimWarning)]
    public void A_fresh_project_runs_its_blocking_calls_on_fibers(string manner, params string[] arguments)
    {
        OnlyOnX64();
        Dictionary<string, string> found = fixture.Run(fixture.Publish(manner, arguments));
        found["Backend"].ShouldBe("Native");
        int.Parse(found["Threads"], CultureInfo.InvariantCulture).ShouldBeLessThan(Clients / 4, "calls parked their fibers, not kernel threads");
        found["TextDump"].ShouldMatch("\"guest\": parked .* waiting for a Lock held by thread .* at .*WaitAtTheDoor");
        JsonElement parked = JsonDocument.Parse(found["JsonDump"]).RootElement.GetProperty("fibers").EnumerateArray().ShouldHaveSingleItem();
        parked.GetProperty("name").GetString().ShouldBe("guest");
        parked.GetProperty("stack").GetProperty("frames").EnumerateArray().Last().GetString().ShouldNotBeNull().ShouldContain("WaitAtTheDoor");
        ShouldHaveTheResults(found);
    }

    [Fact]
    public void Without_its_native_library_it_does_the_same_on_kernel_threads_and_says_why()
    {
        OnlyOnX64();
        string published = fixture.Publish("without-the-library", "-r", Here, "--self-contained", "false");
        File.Delete(Path.Combine(published, "libfibers.so"));
        Dictionary<string, string> found = fixture.Run(published);
        found["Backend"].ShouldStartWith("Threads");
        found["Backend"].ShouldContain("the native library could not be loaded");
        ShouldHaveTheResults(found);
    }

    [Fact]
    public void Without_dynamic_code_its_dumps_have_no_stacks_and_say_why()
    {
        OnlyOnX64();
        Dictionary<string, string> found = fixture.Run(fixture.Publish("without-dynamic-code", "-p:DynamicCodeSupport=false"));
        found["Backend"].ShouldBe("Native");
        found["TextDump"].ShouldMatch("no stacks and no owners of locks: this program was published without dynamic code .*\"guest\": parked");
        ShouldHaveTheResults(found);
    }

    private static void OnlyOnX64() =>
        Assert.SkipUnless(RuntimeInformation.RuntimeIdentifier.EndsWith("-x64", StringComparison.Ordinal), $"The consumer is published for {Here}.");

    private static void ShouldHaveTheResults(Dictionary<string, string> found)
    {
        found["Sum"].ShouldBe(Enumerable.Range(0, Clients).Sum(static i => (byte)(i + 1)).ToString(CultureInfo.InvariantCulture));
        found["File"].ShouldBe("written on a fiber");
        found["Process"].ShouldBe("from a child");
        found["Kept"].ShouldBe("kept");
        found["Events"].ShouldBe("True");
        found["Meter"].ShouldBe("True");
    }

    private static string[] Names(ZipArchive archive) => [.. archive.Entries.Select(static entry => entry.FullName)];

    private static ushort MachineOf(Stream library)
    {
        Span<byte> header = stackalloc byte[20];
        library.ReadExactly(header);
        header[..4].SequenceEqual("\u007fELF"u8).ShouldBeTrue();
        return BinaryPrimitives.ReadUInt16LittleEndian(header[18..]); // e_machine
    }
}
