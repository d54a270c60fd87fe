using System.Reflection;
using System.Text;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Api;

/// <summary>What others compile against. A change here is a change for them: look at it, then approve it.</summary>
public class PublicSurface
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [Fact]
    public void The_public_surface_is_the_approved_one()
    {
        var text = new StringBuilder();
        foreach (Type type in typeof(Fiber).Assembly.GetExportedTypes().OrderBy(static type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(Head(type)).Append('\n');
            foreach (string member in Members(type).Order(StringComparer.Ordinal))
                text.Append("    ").Append(member).Append('\n');
            text.Append('\n');
        }

        text.ToString().ShouldMatchApproved(static options => options.NoDiff());
    }

    private static string Head(Type type)
    {
        string kind = type.IsEnum ? "enum" : type.IsValueType ? "struct" : type.IsInterface ? "interface" : type.IsAbstract && type.IsSealed ? "static class" : type.IsSealed ? "sealed class" : "class";
        string bases = string.Join(", ", new[] { type.BaseType }.Where(static parent => parent is not null && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum))
            .Concat(type.GetInterfaces().Except(type.BaseType?.GetInterfaces() ?? [])).Select(static parent => Name(parent!)).Order(StringComparer.Ordinal));
        return $"{kind} {Name(type)}{(bases.Length > 0 && !type.IsEnum ? " : " + bases : "")}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            foreach (object value in Enum.GetValues(type))
                yield return $"{value} = {(int)value}";
            yield break;
        }

        foreach (ConstructorInfo constructor in type.GetConstructors())
            yield return $"new({Parameters(constructor)})";
        foreach (EventInfo happening in type.GetEvents(Declared))
            yield return $"event {Name(happening.EventHandlerType!)} {happening.Name}";
        foreach (PropertyInfo property in type.GetProperties(Declared))
            yield return $"{Static(property.GetMethod!)}{Name(property.PropertyType)} {property.Name} {{ get;{(property.SetMethod is { IsPublic: true } ? " set;" : "")} }}";
        foreach (MethodInfo method in type.GetMethods(Declared))
            if (!method.IsSpecialName && method.GetCustomAttribute<System.Runtime.CompilerServices.CompilerGeneratedAttribute>() is null)
                yield return $"{Static(method)}{Name(method.ReturnType)} {method.Name}{Arguments(method)}({Parameters(method)})";
    }

    private static string Static(MethodInfo method) => method.IsStatic ? "static " : "";

    private static string Arguments(MethodInfo method) => method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(static parameter =>
        $"{(parameter.IsOut ? "out " : "")}{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? $" = {parameter.DefaultValue ?? "default"}" : "")}"));

    private static string Name(Type type)
    {
        if (type.IsByRef)
            return Name(type.GetElementType()!);
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        return type.IsGenericType ? $"{type.Name[..type.Name.IndexOf('`')]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : type.Name;
    }
}
