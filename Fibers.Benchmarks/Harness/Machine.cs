using System.Runtime;
using System.Runtime.InteropServices;

namespace Fibers.Benchmarks.Harness;

/// <summary>What the figures were made on.</summary>
internal static partial class Machine
{
    public static string Describe()
    {
        string collector = $"{(GCSettings.IsServerGC ? "server" : "workstation")} collector, {(GCSettings.LatencyMode == GCLatencyMode.Batch ? "not concurrent" : "concurrent")}";
        string line = $"{Environment.ProcessorCount} processors ({Processor()}), {RuntimeInformation.OSArchitecture}; Linux {Environment.OSVersion.Version}, glibc {CLibrary()}; " +
            $"{RuntimeInformation.FrameworkDescription}, {collector}";
        return GoTwin.Version is { } go ? $"{line}; {go}" : line;
    }

    private static string Processor()
    {
        string? model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal));
        return model is null ? "model not told" : model[(model.IndexOf(':') + 1)..].Trim();
    }

    private static string CLibrary() => Marshal.PtrToStringUTF8(gnu_get_libc_version())!;

    [LibraryImport("libc")]
    private static partial nint gnu_get_libc_version();
}
