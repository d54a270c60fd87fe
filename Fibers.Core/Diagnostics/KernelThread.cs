using System.Globalization;
using System.Runtime.InteropServices;

namespace Fibers.Diagnostics;

/// <summary>What the kernel says about one of our threads. Any thread; Linux.</summary>
internal static unsafe partial class KernelThread
{
    private const int ProgramCounter = 8; // number, six arguments, stack pointer, program counter

    /// <summary>The function of native code in which the thread is blocked, with its library; null while it computes.</summary>
    public static string? BlockedIn(int kernelId) => Call(kernelId) is { } call ? FunctionOf(call) : null;

    /// <summary>The system call in which the thread is blocked, as the kernel describes it: two that are the same are one. Null while it computes.</summary>
    public static string? Call(int kernelId) => Doing(kernelId) is var doing && IsCall(doing) ? doing : null;

    /// <summary>What the kernel says that it does, for <see cref="IsCall"/> and <see cref="Computes"/>; empty: it has ended, this kernel does not tell, or there is no descriptor left to ask with.</summary>
    public static string Doing(int kernelId)
    {
        try
        {
            return File.ReadAllText($"/proc/self/task/{kernelId}/syscall");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>It is blocked in a system call.</summary>
    public static bool IsCall(string doing) => doing.AsSpan().Count(' ') >= ProgramCounter;

    /// <summary>It runs, or would if it had a processor.</summary>
    public static bool Computes(string doing) => doing.StartsWith("running", StringComparison.Ordinal);

    /// <summary>As the kernel has it, cut to 15 characters; null: it has ended, or there is no descriptor left to ask with.</summary>
    public static string? NameOf(long kernelId)
    {
        try
        {
            return File.ReadAllText($"/proc/self/task/{kernelId}/comm").TrimEnd('\n');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Of what <see cref="Call"/> returned.</summary>
    public static string FunctionOf(string call)
    {
        nint address = nint.Parse(call.Split(' ', StringSplitOptions.TrimEntries)[ProgramCounter].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        DynamicInfo info;
        if (DlAddr(address, &info) == 0)
            return "unknown code";
        string library = Path.GetFileName(Marshal.PtrToStringUTF8(info.File)) ?? "?";
        return info.Symbol == 0 ? library : $"{Marshal.PtrToStringUTF8(info.Symbol)?.TrimStart('_')} ({library})";
    }

    [LibraryImport("libc", EntryPoint = "dladdr")]
    private static partial int DlAddr(nint address, DynamicInfo* info);

    private struct DynamicInfo
    {
        public nint File;
        public nint Base;
        public nint Symbol;
        public nint Address;
    }
}
