using System.Runtime.InteropServices;
using System.Text;
using Fibers.Native;
using Fibers.VirtualThreads;

namespace Fibers.Backends;

/// <summary>Whether this process can run native fibers. Found out once; every step that fails says why in words.</summary>
internal static unsafe class NativeSupport
{
    private static readonly Lazy<string?> s_reason = new(Start);
    private static readonly string[] s_leaveOn = ["auto", "native"]; // anything else was meant to switch it off

    /// <summary>Null: it can. Otherwise why not.</summary>
    public static string? Reason => s_reason.Value;

    private static string? Start()
    {
        if (Environment.GetEnvironmentVariable("FIBERS_BACKEND") is { Length: > 0 } wanted && !s_leaveOn.Contains(wanted, StringComparer.OrdinalIgnoreCase))
            return $"FIBERS_BACKEND={wanted} is set";
        if (!OperatingSystem.IsLinux())
            return $"it needs Linux, and this is {RuntimeInformation.OSDescription}";
        try
        {
            return Load() ?? Shimmed(Shim.fibers_start) ?? RuntimeThread.Start() ?? Choose() ?? Shimmed(Shim.fibers_redirect_install) ?? SelfTest.Run();
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return $"the native library could not be loaded ({exception.Message.Split('\n')[0]})";
        }
    }

    private static string? Load()
    {
        uint version = Shim.fibers_abi_version();
        if (version != Shim.AbiVersion)
            return $"the native library has version {version}, {Shim.AbiVersion} is needed";
        VirtualThread.AskShim();
        Shim.fibers_cancel_recall_by(&Fiber.CatchInterrupt);
        return null;
    }

    private static string? Choose()
    {
        (string? only, string excluded) = FiberRedirection.Decide();
        int error = Shim.fibers_redirect_choose(only, excluded);
        return error == 0 ? null : $"the choice of native libraries could not be kept (error {error})";
    }

    private delegate int Step(byte* reason, nuint size);

    private static string? Shimmed(Step step)
    {
        const int size = 256;
        byte* reason = stackalloc byte[size];
        reason[0] = 0;
        int error = step(reason, size);
        return error == 0 ? null : $"{Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(reason))} (error {error})";
    }
}
