using System.Reflection;
using System.Runtime.InteropServices;
using Fibers.Diagnostics.Inspection;

namespace Fibers.Diagnostics.Dumps;

/// <summary>Stacks as people want them: of threads that stand still, without the library's own frames at either end. Made for one dump.</summary>
internal sealed class StackReader
{
    private static readonly Assembly s_library = typeof(Fiber).Assembly;
    private readonly StackWalker? _walker;
    private readonly MethodNames? _names;

    public StackReader()
    {
        if (Inspector.Current is { } inspector)
            (_walker, _names) = inspector.Begin();
    }

    /// <summary>Null: there are no stacks on this runtime. The caller makes sure that the thread stood still, and only then asks for the text.</summary>
    /// <exception cref="UnreadableException">It has moved.</exception>
    public List<nint>? Walk(nint thread) => _walker?.Walk(thread);

    public StackSnapshot Text(List<nint>? methods)
    {
        if (methods is null || _names is null)
            return StackSnapshot.None(Inspector.Reason ?? "unknown");
        MethodNames.Frame[] frames = [.. methods.Select(_names.Find).OfType<MethodNames.Frame>()];
        int first = 0, last = frames.Length;
        while (first < last && IsLibrary(frames[first]))
            first++;
        while (last > first && (IsLibrary(frames[last - 1]) || frames[last - 1].Method?.DeclaringType == typeof(ExecutionContext)))
            last--;
        return new StackSnapshot([.. (first == last ? frames : frames[first..last]).Select(static frame => frame.Text)], null);
    }

    /// <summary>Of a thread inside a native call: the method that made it, not counting the declaration of the native function itself.</summary>
    public string? CallerOfNative(List<nint>? methods) => methods?.Select(method => _names?.Find(method)).FirstOrDefault(static frame => frame?.Method is { } method && !IsDeclaration(method))?.Text;

    // What the source generator writes around a native function is in the class that declares it, under the function's name.
    private static bool IsDeclaration(MethodBase method) =>
        (method.Attributes & MethodAttributes.PinvokeImpl) != 0 || method.DeclaringType?.FullName?.StartsWith("Interop", StringComparison.Ordinal) == true || method.GetCustomAttribute<LibraryImportAttribute>() is not null ||
        method.Module.Assembly == typeof(Native.Shim).Assembly;

    private static bool IsLibrary(MethodNames.Frame frame) => frame.Method?.Module.Assembly == s_library || frame.Method?.Module.Assembly == typeof(Native.Shim).Assembly;
}
