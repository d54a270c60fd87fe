using System.Reflection;
using System.Runtime.CompilerServices;

namespace Fibers;

/// <summary>An async method leaves its fiber at its first await: the fiber ends, and nobody hears how the method does. So as a body it is refused.</summary>
internal static class AsyncBody
{
    private const string Advice = "It would leave its fiber at its first await, and nobody would hear of its end. Write blocking code, or let the fiber wait: () => Fiber.Await(DoAsync()).";

    /// <summary>A body that returns <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">That is a task.</exception>
    public static void Refuse<T>()
    {
        if (Returns<T>.Task)
            throw new ArgumentException($"The body returns a {typeof(T).Name}. {Advice}", "body");
    }

    /// <summary>A body that returns nothing.</summary>
    /// <exception cref="ArgumentException">It is an async lambda.</exception>
    public static void Refuse(Delegate body)
    {
        if (body.Method.GetCustomAttribute<AsyncStateMachineAttribute>() is not null)
            throw new ArgumentException($"The body is async. {Advice}", nameof(body));
    }

    private static class Returns<T>
    {
        public static readonly bool Task = typeof(Task).IsAssignableFrom(typeof(T)) || typeof(T) == typeof(ValueTask) ||
            (typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(ValueTask<>));
    }
}
