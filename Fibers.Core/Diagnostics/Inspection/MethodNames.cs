using System.Reflection;
using System.Text;

namespace Fibers.Diagnostics.Inspection;

/// <summary>From a method descriptor that was found on a stack to the method. Use one for one dump.</summary>
internal sealed class MethodNames(RuntimeContract contract)
{
    private const int Dynamic = 7; // classification: lightweight code generation and stubs; no metadata
    private const int MaxName = 200;
    private readonly Dictionary<nint, Frame?> _known = [];

    /// <summary>One line of a stack. <paramref name="Method"/>: null for a dynamic method.</summary>
    public sealed record Frame(MethodBase? Method, string Text);

    /// <summary>Null: a stub of the runtime, which no stack shows.</summary>
    public Frame? Find(nint descriptor)
    {
        if (!_known.TryGetValue(descriptor, out Frame? frame))
            _known[descriptor] = frame = Look(descriptor);
        return frame;
    }

    private Frame? Look(nint descriptor)
    {
        if ((ProcessMemory.Read<ushort>(descriptor + contract.Offset("MethodDesc", "Flags")) & Dynamic) == Dynamic)
            return LookDynamic(descriptor);
        nint chunk = descriptor - ProcessMemory.Read<byte>(descriptor + contract.Offset("MethodDesc", "ChunkIndex")) * (nint)contract.Number("MethodDescAlignment") - contract.Size("MethodDescChunk");
        nint table = ProcessMemory.Pointer(chunk + contract.Offset("MethodDescChunk", "MethodTable"));
        MethodBase method = MethodBase.GetMethodFromHandle(RuntimeMethodHandle.FromIntPtr(descriptor), RuntimeTypeHandle.FromIntPtr(table))!;
        return new Frame(method, Describe(method));
    }

    private Frame? LookDynamic(nint descriptor)
    {
        nint name = ProcessMemory.Pointer(descriptor + contract.Offset("DynamicMethodDesc", "MethodName"));
        var text = new StringBuilder();
        for (int i = 0; i < MaxName && ProcessMemory.Read<byte>(name + i) is not 0 and var character; i++)
            text.Append((char)character);
        return text.ToString().StartsWith("IL_STUB", StringComparison.Ordinal) ? null : new Frame(null, text.ToString());
    }

    private static string Describe(MethodBase method) =>
        $"{TypeName(method.DeclaringType)}{method.Name}({string.Join(", ", method.GetParameters().Select(static parameter => parameter.ParameterType.Name))})";

    private static string TypeName(Type? type)
    {
        if (type is null)
            return "";
        Type named = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        return $"{named.FullName ?? named.Name}.".Replace('+', '.');
    }
}
