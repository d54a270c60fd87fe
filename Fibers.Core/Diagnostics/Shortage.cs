namespace Fibers.Diagnostics;

/// <summary>What says that something has run out: memory, descriptors, threads. Whoever looks only now and then looks again later. Any thread.</summary>
internal static class Shortage
{
    // A file or a folder that cannot be opened, and an assembly that cannot be loaded, are among the second.
    public static bool Is(Exception exception) => exception is OutOfMemoryException or IOException or UnauthorizedAccessException or ThreadStartException;

    /// <summary>False: no thread or memory can be had for it, and it will never run.</summary>
    public static bool TryStart(Thread thread)
    {
        try
        {
            thread.UnsafeStart();
            return true;
        }
        catch (Exception exception) when (Is(exception))
        {
            return false;
        }
    }
}
