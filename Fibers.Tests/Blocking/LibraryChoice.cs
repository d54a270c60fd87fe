using System.IO.Pipes;
using System.Runtime.InteropServices;
using Fibers.Scheduling;
using Fibers.Tests.ChildProcess;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Blocking;

/// <summary>Native libraries can be left alone: then their blocking calls block, and the watchdog sees to the rest. In child processes, because the choice is made once.</summary>
public partial class LibraryChoice
{
    private const string Library = "libredirected.so"; // Fibers.Native/tests/redirected_library.c
    private const int Readers = 3;

    [Fact]
    public void A_library_that_is_loaded_late_parks() => Report(Scenarios.ReadInALibrary).ShouldBe("parked");

    [Fact]
    public void An_excluded_library_blocks() => Report(Scenarios.ReadInAnExcludedLibrary).ShouldBe("blocked");

    [Theory]
    [InlineData("FIBERS_REDIRECT_EXCLUDE", "libother, libredirected")]
    [InlineData("FIBERS_REDIRECT_ONLY", "libother")]
    public void The_environment_excludes_libraries_too(string variable, string value) => Report(Scenarios.ReadInALibrary, (variable, value)).ShouldBe("blocked");

    [Fact]
    public void The_environment_can_name_those_that_park() => Report(Scenarios.ReadInALibrary, ("FIBERS_REDIRECT_ONLY", "libredirected.so")).ShouldBe("parked");

    [Fact]
    public void Once_a_native_runtime_has_started_it_is_too_late_to_choose()
    {
        using FiberRuntime runtime = Runtimes.Native(1);
        Should.Throw<InvalidOperationException>(static () => FiberRedirection.Exclude("libpq"));
        Should.Throw<InvalidOperationException>(static () => FiberRedirection.Only("libpq"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("libpq,libssl")]
    [InlineData("/usr/lib/libpq.so.5")]
    public void What_is_no_name_of_a_file_is_refused(string name)
    {
        Should.Throw<ArgumentException>(() => FiberRedirection.Exclude(name));
        Should.Throw<ArgumentException>(() => FiberRedirection.Only(name));
    }

    /// <summary>The child: its fibers read from pipes by way of the library. Either all of them park on the one carrier, or each holds a carrier.</summary>
    public static int ReadAndReport(bool exclude)
    {
        if (exclude)
            FiberRedirection.Exclude("libredirected");
        using FiberRuntime runtime = Runtimes.Native(carriers: 1);
        AnonymousPipeServerStream[] pipes = [.. Enumerable.Range(0, Readers).Select(static _ => new AnonymousPipeServerStream(PipeDirection.Out))];
        int entered = 0;
        Fiber<int>[] fibers = [.. pipes.Select(pipe => runtime.SpawnConcurrent(() =>
        {
            Interlocked.Increment(ref entered);
            return ReadByte(pipe);
        }))];
        string state = "";
        Eventually.True(() => (state = StateOf(runtime, fibers, Volatile.Read(ref entered))).Length > 0, "all are parked, or each is on a carrier");
        Console.WriteLine(state);
        foreach (AnonymousPipeServerStream pipe in pipes)
            pipe.WriteByte(Readers);
        bool right = fibers.All(static fiber => fiber.Join() == Readers);
        return right ? 0 : 1;
    }

    private static string StateOf(FiberRuntime runtime, Fiber[] fibers, int entered) =>
        fibers.All(FiberState.IsParked) ? "parked"
        : entered == Readers && InFibers(runtime) == Readers ? "blocked"
        : fibers.Any(static fiber => fiber.Status is not (FiberStatus.Created or FiberStatus.Running)) ? "ended"
        : "";

    private static string Report(string scenario, params (string, string)[] environment)
    {
        ChildResult result = Child.Run(scenario, environment);
        result.ExitCode.ShouldBe(0, result.Error);
        return result.Output.Trim();
    }

    private static int InFibers(FiberRuntime runtime)
    {
        int count = 0;
        foreach (Carrier? carrier in runtime.Scheduler!.AllCarriers)
            count += carrier is { InFiber: true } ? 1 : 0;
        return count;
    }

    private static unsafe int ReadByte(AnonymousPipeServerStream pipe)
    {
        byte value;
        return library_read((int)pipe.ClientSafePipeHandle.DangerousGetHandle(), &value, 1) == 1 ? value : -1;
    }

    [LibraryImport(Library)]
    private static unsafe partial nint library_read(int descriptor, void* buffer, nuint size);
}
