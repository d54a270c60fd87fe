using System.Globalization;
using System.Runtime.InteropServices;

namespace Fibers.Diagnostics;

/// <summary>What the kernel says about one of our threads. Any thread; Linux.</summary>
internal static unsafe partial class KernelThread
{
    private const int ProgramCounter = 8; // number, six arguments, stack pointer, program counter

    /// <summary>The function of native code in which the thread is blocked, with its library; null while it computes.</summary>
    public static string? BlockedIn(int kernelId)
    {
        try
        {
            string[] words = File.ReadAllText($"/proc/self/task/{kernelId}/syscall").Split(' ', StringSplitOptions.TrimEntries);
            return words.Length <= ProgramCounter ? null : FunctionAt(nint.Parse(words[ProgramCounter].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended, or this kernel does not tell
        }
    }

    /// <summary>As the kernel has it, cut to 15 characters; null: it has ended.</summary>
    public static string? NameOf(long kernelId)
    {
        try
        {
            return File.ReadAllText($"/proc/self/task/{kernelId}/comm").TrimEnd('\n');
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string FunctionAt(nint address)
    {
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
